#include "display/embed/embedded_window.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace viaduct::embed {

Callbacks::Callbacks(const viaduct_presenter_callbacks* callbacks, void* cookie) : cookie_(cookie) {
    if (callbacks)
        std::memcpy(&callbacks_, callbacks, std::min<size_t>(callbacks->size, sizeof(callbacks_)));
}

void Callbacks::shown(uint64_t frame, const wayland::ShownFrame& when) {
    call(callbacks_.shown, frame, when.time_ns, when.refresh_ns);
}

void Callbacks::committed(uint64_t frame) {
    call(callbacks_.committed, frame);
}

void Callbacks::dropped(uint64_t frame) {
    call(callbacks_.dropped, frame);
}

void Callbacks::released(uint64_t frame) {
    call(callbacks_.released, frame);
}

void Callbacks::frame_wanted() {
    call(callbacks_.frame_wanted);
}

void Callbacks::resized(wayland::WindowSize size) {
    call(callbacks_.resized, static_cast<uint32_t>(size.width), static_cast<uint32_t>(size.height));
}

void Callbacks::close_requested() {
    call(callbacks_.close_requested);
}

void Callbacks::lost(const Error& error) {
    log(LogLevel::kError, "{}", error.message);
    try {
        if (before_lost_) before_lost_();
    } catch (const std::exception& failure) {
        log(LogLevel::kError, "input may not be released: {}", failure.what());
    }
    call(callbacks_.lost, error.message.c_str());
}

void Callbacks::key(uint32_t qemu_key, bool pressed) {
    call(callbacks_.key, qemu_key, pressed ? 1 : 0);
}

void Callbacks::button(uint32_t qemu_button, bool pressed) {
    call(callbacks_.button, qemu_button, pressed ? 1 : 0);
}

void Callbacks::pointer_at(uint32_t x, uint32_t y) {
    call(callbacks_.pointer_at, x, y, static_cast<uint32_t>(picture_.width),
         static_cast<uint32_t>(picture_.height));
}

void Callbacks::pointer_by(int32_t dx, int32_t dy) {
    call(callbacks_.pointer_by, dx, dy);
}

void Callbacks::touch(input::TouchKind kind, uint64_t slot, double x, double y) {
    call(callbacks_.touch, static_cast<uint32_t>(kind), static_cast<uint32_t>(slot), x, y,
         static_cast<uint32_t>(picture_.width), static_cast<uint32_t>(picture_.height));
}

EmbeddedWindow::EmbeddedWindow(std::unique_ptr<wayland::Connection> connection, Options options,
                               const viaduct_presenter_callbacks* callbacks, void* cookie)
    : callbacks_(callbacks, cookie),
      title_(options.window.title),
      input_(hooks(*this)),
      thread_(std::move(connection), with_input(std::move(options)), callbacks_,
              [this](wayland::Presenter& presenter) { turn(presenter); }) {}

// Called on the presenter's thread: events come from within its dispatch().
input::Input::Hooks EmbeddedWindow::hooks(EmbeddedWindow& self) {
    const auto doubles = [](wayland::WindowSize size) {
        return input::Input::Size{static_cast<double>(size.width),
                                  static_cast<double>(size.height)};
    };
    return {
        .grab =
            [&self](bool wanted) {
                self.presenter_->seat()->grab(wanted);
                self.show_title();
            },
        .can_lock = [&self] { return self.presenter_->seat()->can_lock(); },
        .toggle_fullscreen = [&self] { self.presenter_->toggle_fullscreen(); },
        .surface = [&self, doubles] { return doubles(self.presenter_->surface_size()); },
        .picture =
            [&self, doubles] {
                const auto size = self.presenter_->picture_size();
                self.callbacks_.set_picture_size(size);
                return doubles(size);
            },
    };
}

wayland::Presenter::Options EmbeddedWindow::with_input(Options options) {
    if (options.input) {
        input_.connect(&callbacks_);
        callbacks_.before_lost([this] {
            input_.keyboard_left();
            input_.pointer_left();
            input_.touches_cancelled();
        });
        options.window.input = &input_;
    }
    return std::move(options.window);
}

Status EmbeddedWindow::present(const FrameDescription& description, uint64_t number) {
    auto frame = Frame::check(description);
    if (!frame) {
        thread_.frame_skipped();
        const LockGuard lock(mutex_);
        log_.log(LogLevel::kWarning, "frame", "cannot show a frame: {}", frame.error().message);
        return tl::unexpected(frame.error());
    }
    return thread_.present(*std::move(frame), number);
}

void EmbeddedWindow::set_title(std::string title) {
    {
        const LockGuard lock(mutex_);
        settings_.title = std::move(title);
        settings_.title_changed = true;
    }
    thread_.wake();
}

void EmbeddedWindow::set_absolute(bool absolute) {
    {
        const LockGuard lock(mutex_);
        settings_.absolute = absolute;
    }
    thread_.wake();
}

void EmbeddedWindow::set_cursor(std::optional<wayland::CursorImage> cursor) {
    {
        const LockGuard lock(mutex_);
        settings_.cursor.swap(cursor);
        settings_.cursor_changed = true;
    }
    thread_.wake();
}

void EmbeddedWindow::turn(wayland::Presenter& presenter) {
    presenter_ = &presenter;
    Settings now;
    {
        const LockGuard lock(mutex_);
        now.absolute = settings_.absolute;
        if (std::exchange(settings_.title_changed, false)) {
            now.title_changed = true;
            now.title = settings_.title;
        }
        // Without a seat there is no pointer yet that shows it.
        if (presenter.seat() && std::exchange(settings_.cursor_changed, false)) {
            now.cursor_changed = true;
            now.cursor = settings_.cursor;
        }
    }
    if (now.title_changed) {
        title_ = now.title;
        show_title();
    }
    input_.set_absolute(now.absolute);
    if (now.cursor_changed) {
        const auto* image = now.cursor ? &*now.cursor : nullptr;
        if (const auto status = presenter.seat()->set_cursor(image); !status)
            log(LogLevel::kWarning, "no cursor: {}", status.error().message);
        presenter.flush();
    }
}

void EmbeddedWindow::show_title() {
    presenter_->set_title(input_.title(title_));
}

}  // namespace viaduct::embed
