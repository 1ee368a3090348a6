#include "guest-mesa/layer/file_mark.h"

#include <drm.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest {

namespace {

/// Never 0: timelines begin there.
uint64_t unique_point() {
    uint64_t point = 0;
    if (::getrandom(&point, sizeof(point), GRND_NONBLOCK) != sizeof(point)) {
        timespec now{};
        ::clock_gettime(CLOCK_MONOTONIC, &now);
        point =
            static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
        point ^= static_cast<uint64_t>(::getpid()) << 40;
    }
    return point | 1;
}

drm_syncobj_timeline_array array_of(const uint32_t& syncobj, const uint64_t& point) {
    drm_syncobj_timeline_array array{};
    array.handles = user_pointer(&syncobj);
    array.points = user_pointer(&point);
    array.count_handles = 1;
    return array;
}

}  // namespace

std::optional<FileMark> FileMark::put(const Channel& channel) {
    drm_syncobj_create create{};
    if (channel.ioctl(DRM_IOCTL_SYNCOBJ_CREATE, &create) < 0) return std::nullopt;
    const FileMark mark(create.handle, unique_point());
    auto array = array_of(mark.syncobj_, mark.point_);
    if (channel.ioctl(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &array) >= 0) return mark;
    drm_syncobj_destroy destroy{create.handle, 0};
    channel.ioctl(DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
    return std::nullopt;
}

bool FileMark::is_on(const Channel& channel) const {
    uint64_t reached = 0;
    auto array = array_of(syncobj_, reached);
    return channel.ioctl(DRM_IOCTL_SYNCOBJ_QUERY, &array) >= 0 && reached == point_;
}

}  // namespace viaduct::guest
