#include "guest-mesa/layer/syncobj.h"

#include <drm.h>

#include "guest-mesa/layer/virtgpu_ioctls.h"

namespace viaduct::guest::syncobj {

int create(const Channel& channel, uint32_t& handle) {
    drm_syncobj_create arg{};
    const int result = channel.ioctl(DRM_IOCTL_SYNCOBJ_CREATE, &arg);
    handle = arg.handle;
    return result;
}

int destroy(const Channel& channel, uint32_t handle) {
    drm_syncobj_destroy arg{};
    arg.handle = handle;
    return channel.ioctl(DRM_IOCTL_SYNCOBJ_DESTROY, &arg);
}

int wait(const Channel& channel, std::span<const uint32_t> handles,
         std::span<const uint64_t> points, int64_t deadline, uint32_t flags, uint32_t* first) {
    drm_syncobj_timeline_wait arg{};
    arg.handles = user_pointer(handles.data());
    arg.points = user_pointer(points.data());
    arg.timeout_nsec = deadline;
    arg.count_handles = static_cast<uint32_t>(handles.size());
    arg.flags = flags;
    const int result = channel.ioctl(DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg);
    if (first) *first = arg.first_signaled;
    return result;
}

int query(const Channel& channel, uint32_t handle, uint64_t& point) {
    drm_syncobj_timeline_array arg{};
    arg.handles = user_pointer(&handle);
    arg.points = user_pointer(&point);
    arg.count_handles = 1;
    return channel.ioctl(DRM_IOCTL_SYNCOBJ_QUERY, &arg);
}

int copy_point(const Channel& channel, uint32_t source, uint64_t point, uint32_t destination) {
    drm_syncobj_transfer arg{};
    arg.src_handle = source;
    arg.src_point = point;
    arg.dst_handle = destination;
    return channel.ioctl(DRM_IOCTL_SYNCOBJ_TRANSFER, &arg);
}

int signal_point(const Channel& channel, uint32_t handle, uint64_t point) {
    drm_syncobj_timeline_array arg{};
    arg.handles = user_pointer(&handle);
    arg.points = user_pointer(&point);
    arg.count_handles = 1;
    return channel.ioctl(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &arg);
}

int signal(const Channel& channel, uint32_t handle) {
    drm_syncobj_array arg{};
    arg.handles = user_pointer(&handle);
    arg.count_handles = 1;
    return channel.ioctl(DRM_IOCTL_SYNCOBJ_SIGNAL, &arg);
}

int export_fd(const Channel& channel, uint32_t handle, uint32_t flags) {
    drm_syncobj_handle arg{};
    arg.handle = handle;
    arg.flags = flags;
    arg.fd = -1;
    const int result = channel.ioctl(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);
    return result < 0 ? result : arg.fd;
}

}  // namespace viaduct::guest::syncobj
