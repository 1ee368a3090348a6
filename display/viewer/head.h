// Head: one console of a VM in one window.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "display/input/input.h"
#include "display/viewer/head_stats.h"
#include "display/viewer/listener.h"
#include "display/viewer/memory_changes.h"
#include "display/viewer/scanout.h"
#include "display/viewer/size_requests.h"
#include "display/viewer/update_hold.h"
#include "display/wayland/presenter.h"

namespace viaduct::viewer {

/// Takes a console's pictures, and shows them in a window with a connection of its own to the
/// compositor: what ends one window's connection ends no other's. Outlives QEMU and the
/// compositor, either of which may come back. Not thread-safe; nothing waits.
class Head : public ConsoleUser, public wayland::PresenterListener {
  public:
    /// ns of CLOCK_MONOTONIC; in tests, of the test.
    using Clock = std::function<int64_t()>;
    /// Connects to the compositor.
    using Connect = std::function<Result<std::unique_ptr<wayland::Connection>>()>;
    struct Options {
        wayland::Presenter::Options window;
        Connect connect;
        Clock clock;
    };
    /// Until the compositor is looked for again.
    static constexpr int64_t kRetry = 1'000'000'000;

    /// `watches` are borrowed.
    Head(wayland::Watches& watches, Options options);
    ~Head() override;

    /// Connects to the compositor now rather than in the next turn.
    Status open();
    void set_title(const std::string& title);
    /// Makes what the guest copied the compositor's selection, or ends that. Only while the window
    /// has the keyboard: what the guest copies in the background stays there.
    void guest_copied(const std::optional<std::string>& text);
    /// The user has closed the window.
    bool closed() const { return closed_; }

    /// Handles what has come from the compositor, and what is due.
    void turn();
    /// When turn() is to be called though nothing has come; INT64_MAX: never.
    int64_t deadline() const;

    std::string stats_line();
    const HeadStats& stats() const { return stats_; }
    const UpdateHold::Counts& hold_counts() const { return hold_.counts(); }
    const Scanout& scanout_state() const { return scanout_; }
    /// Null: the compositor is not there.
    wayland::Presenter* presenter() { return presenter_.get(); }

    // ConsoleUser. When QEMU has gone the last picture stays.
    void connect(input::GuestInput* guest,
                 std::function<void(uint32_t, uint32_t)> ask_size) override;
    void size_answered() override { sizes_.answered(); }
    void set_absolute(bool absolute) override { input_.set_absolute(absolute); }
    Status scanout(Picture picture) override;
    Status scanout(const Pixels& pixels) override;
    Status pixels_changed(int32_t x, int32_t y, const Pixels& pixels) override;
    void update(const FrameRect& damage, UpdateHold::Reply reply) override;
    void disable() override;
    void cursor_set(bool visible) override;
    void cursor_defined(wayland::CursorImage cursor) override;

  private:
    // PresenterListener
    void committed(uint64_t frame) override;
    void dropped(uint64_t frame) override;
    void shown(uint64_t frame, const wayland::ShownFrame& when) override;
    void resized(wayland::WindowSize size) override;
    void close_requested() override { closed_ = true; }
    void lost(const Error& error) override;

    Status judge(const Status& status);
    uint64_t present(const std::optional<FrameRect>& damage);
    void apply_cursor();
    void close_window();

    wayland::Watches& watches_;
    const Options options_;
    std::string title_;
    Scanout scanout_;
    UpdateHold hold_;
    MemoryChanges memory_changes_;
    SizeRequests sizes_;
    HeadStats stats_;
    input::Input input_;
    std::function<void(uint32_t, uint32_t)> ask_size_;
    std::string last_refusal_;
    uint64_t number_ = 0;  // of the newest frame
    wayland::CursorImage cursor_;
    bool cursor_visible_ = true;
    bool cursor_changed_ = true;
    bool closed_ = false;

    std::unique_ptr<wayland::Presenter> presenter_;
    wayland::Watches::Id watch_ = 0;
    bool lost_ = false;
    int64_t opened_at_ = 0;
    int64_t retry_at_ = 0;
    wayland::PresenterCounts counts_;  // of windows before this one
    std::string why_unshown_;          // of their last frame that was refused
};

}  // namespace viaduct::viewer
