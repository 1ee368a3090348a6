#include "display/wayland/viaduct_wayland.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "base/mutex.h"
#include "display/wayland/presenter_thread.h"

namespace viaduct::wayland {

namespace {

/// Passes events on to the C caller.
class CListener : public PresenterListener {
  public:
    CListener(const viaduct_presenter_callbacks& callbacks, void* cookie) : cookie_(cookie) {
        std::memcpy(&callbacks_, &callbacks, std::min<size_t>(callbacks.size, sizeof(callbacks_)));
    }

    void shown(uint64_t frame, const ShownFrame& when) override {
        call(callbacks_.shown, frame, when.time_ns, when.refresh_ns);
    }
    void dropped(uint64_t frame) override { call(callbacks_.dropped, frame); }
    void released(uint64_t frame) override { call(callbacks_.released, frame); }
    void frame_wanted() override { call(callbacks_.frame_wanted); }
    void resized(WindowSize size) override {
        call(callbacks_.resized, static_cast<uint32_t>(size.width),
             static_cast<uint32_t>(size.height));
    }
    void close_requested() override { call(callbacks_.close_requested); }
    void lost(const Error& error) override {
        log(LogLevel::kError, "{}", error.message);
        call(callbacks_.lost, error.message.c_str());
    }

  private:
    template <typename... Parameters, typename... Args>
    void call(void (*function)(void*, Parameters...), Args... args) const {
        if (function) function(cookie_, args...);
    }

    viaduct_presenter_callbacks callbacks_{};
    void* cookie_;
};

FrameDescription description_of(const viaduct_frame& frame) {
    FrameDescription description;
    for (uint32_t i = 0; i < std::min<uint32_t>(frame.num_planes, 4); ++i)
        description.planes.push_back(
            {frame.planes[i].fd, frame.planes[i].offset, frame.planes[i].stride});
    description.width = frame.width;
    description.height = frame.height;
    description.fourcc = frame.fourcc;
    description.modifier = frame.modifier;
    description.bottom_up = frame.bottom_up != 0;
    description.acquire_fence = frame.acquire_fence;
    if (frame.damage_width != 0)
        description.damage =
            FrameRect{frame.damage_x, frame.damage_y, frame.damage_width, frame.damage_height};
    return description;
}

}  // namespace

}  // namespace viaduct::wayland

using namespace viaduct;

struct viaduct_presenter {
    wayland::CListener listener;
    Mutex mutex;
    LogLimiter log VIADUCT_GUARDED_BY(mutex);
    wayland::PresenterThread thread;

    viaduct_presenter(std::unique_ptr<wayland::Connection> connection,
                      wayland::Presenter::Options options,
                      const viaduct_presenter_callbacks& callbacks, void* cookie)
        : listener(callbacks, cookie),
          thread(std::move(connection), std::move(options), listener) {}
};

viaduct_presenter* viaduct_presenter_create(const char* display, const char* title,
                                            const viaduct_presenter_callbacks* callbacks,
                                            void* cookie) try {
    auto connection = wayland::Connection::open(display);
    if (!connection) {
        log(LogLevel::kError, "{}", connection.error().message);
        errno = connection.error().code;
        return nullptr;
    }
    wayland::Presenter::Options options;
    if (title) options.title = title;
    static constexpr viaduct_presenter_callbacks kNone = {};
    return new viaduct_presenter(*std::move(connection), std::move(options),
                                 callbacks ? *callbacks : kNone, cookie);
} catch (...) {
    errno = ENOMEM;
    return nullptr;
}

void viaduct_presenter_destroy(viaduct_presenter* presenter) {
    delete presenter;
}

int viaduct_presenter_present(viaduct_presenter* presenter, const viaduct_frame* frame,
                              uint64_t number) try {
    if (frame->num_planes > 4) return -EINVAL;
    auto checked = Frame::check(wayland::description_of(*frame));
    if (!checked) {
        const LockGuard lock(presenter->mutex);
        presenter->log.log(LogLevel::kWarning, "frame", "cannot show a frame: {}",
                           checked.error().message);
        return -checked.error().code;
    }
    presenter->thread.present(*std::move(checked), number);
    return 0;
} catch (...) {
    return -ENOMEM;
}

void viaduct_presenter_get_counts(viaduct_presenter* presenter, viaduct_presenter_counts* counts) {
    const auto now = presenter->thread.counts();
    *counts = {now.zero_copy, now.copied, now.copied_bytes, now.superseded, now.refused};
}
