// EmbeddedWindow: a presenter on its thread, with input, as a VMM embeds it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/mutex.h"
#include "display/embed/presenter_thread.h"
#include "display/embed/viaduct_wayland.h"
#include "display/input/input.h"

namespace viaduct::embed {

/// The C callbacks as both listeners. Called on the presenter's thread.
class Callbacks : public wayland::PresenterListener, public input::GuestInput {
  public:
    /// `callbacks` may be shorter than ours: what is missing is not called.
    Callbacks(const viaduct_presenter_callbacks* callbacks, void* cookie);

    void shown(uint64_t frame, const wayland::ShownFrame& when) override;
    void committed(uint64_t frame) override;
    void dropped(uint64_t frame) override;
    void released(uint64_t frame) override;
    void frame_wanted() override;
    void resized(wayland::WindowSize size) override;
    void close_requested() override;
    void lost(const Error& error) override;

    void key(uint32_t qemu_key, bool pressed) override;
    void button(uint32_t qemu_button, bool pressed) override;
    void pointer_at(uint32_t x, uint32_t y) override;
    void pointer_by(int32_t dx, int32_t dy) override;
    void touch(input::TouchKind kind, uint64_t slot, double x, double y) override;
    bool congested() const override { return false; }

    /// Called before lost() is passed on.
    void before_lost(std::function<void()> what) { before_lost_ = std::move(what); }
    /// Of the picture, for positions.
    void set_picture_size(wayland::WindowSize size) { picture_ = size; }

  private:
    template <typename... Parameters, typename... Args>
    void call(void (*function)(void*, Parameters...), Args... args) const {
        if (function) function(cookie_, args...);
    }

    viaduct_presenter_callbacks callbacks_{};
    void* cookie_;
    wayland::WindowSize picture_;
    std::function<void()> before_lost_;
};

/// Thread-safe, except construction and destruction.
class EmbeddedWindow {
  public:
    struct Options {
        wayland::Presenter::Options window;
        bool input = false;
    };
    /// Throws std::system_error if there is no descriptor or no thread left.
    EmbeddedWindow(std::unique_ptr<wayland::Connection> connection, Options options,
                   const viaduct_presenter_callbacks* callbacks, void* cookie);

    /// Frame::check(), and a line in the log, limited in rate, if that refuses.
    /// The frame after a refused one counts as changed everywhere.
    Status present(const FrameDescription& description, uint64_t number);
    /// PresenterThread::frame_skipped().
    void frame_skipped() { thread_.frame_skipped(); }
    void set_title(std::string title);
    void set_absolute(bool absolute);
    /// Nothing: no cursor.
    void set_cursor(std::optional<wayland::CursorImage> cursor);
    wayland::PresenterCounts counts() const { return thread_.counts(); }

  private:
    /// Set by the caller, for the presenter's thread to apply.
    struct Settings {
        std::string title;
        bool title_changed = false;
        bool absolute = true;
        std::optional<wayland::CursorImage> cursor;
        bool cursor_changed = false;
    };
    static input::Input::Hooks hooks(EmbeddedWindow& self);
    wayland::Presenter::Options with_input(Options options);
    void turn(wayland::Presenter& presenter);
    void show_title();

    Callbacks callbacks_;
    Mutex mutex_;
    LogLimiter log_ VIADUCT_GUARDED_BY(mutex_);
    Settings settings_ VIADUCT_GUARDED_BY(mutex_);
    // Of the presenter's thread.
    wayland::Presenter* presenter_ = nullptr;
    std::string title_;
    input::Input input_;
    PresenterThread thread_;  // the first to go
};

}  // namespace viaduct::embed
