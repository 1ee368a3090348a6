#include "guest-mesa/layer/fence_origins.h"

#include <sys/ioctl.h>

namespace viaduct::guest {

void FenceOrigins::set(uint32_t handle, uint64_t point, const FenceOrigin& origin) {
    const LockGuard lock(mutex_);
    if (shared_.count(handle)) return;
    auto& points = fences_[handle];
    // A binary syncobj's fence replaces everything; a point joins the others.
    if (point == 0) points.clear();
    points[point] = origin;
    if (points.size() > kMaxPoints) points.erase(points.begin());
}

std::optional<FenceOrigin> FenceOrigins::find(uint32_t handle, uint64_t point) const {
    const LockGuard lock(mutex_);
    const auto fence = fences_.find(handle);
    if (fence == fences_.end()) return std::nullopt;
    const auto origin = fence->second.find(point);
    if (origin == fence->second.end()) return std::nullopt;
    return origin->second;
}

void FenceOrigins::forget(uint32_t handle) {
    const LockGuard lock(mutex_);
    forget_locked(handle);
}

void FenceOrigins::forget_locked(uint32_t handle) {
    fences_.erase(handle);
}

void FenceOrigins::share_locked(uint32_t handle) {
    forget_locked(handle);
    shared_.insert(handle);
}

void FenceOrigins::forget_context(uint32_t context) {
    const LockGuard lock(mutex_);
    for (auto& [handle, points] : fences_)
        std::erase_if(points, [&](const auto& each) { return each.second.context == context; });
}

void FenceOrigins::forget_array(uint64_t handles, uint32_t count) {
    const auto* array = reinterpret_cast<const uint32_t*>(static_cast<uintptr_t>(handles));
    for (uint32_t i = 0; i < count; ++i) forget_locked(array[i]);
}

void FenceOrigins::observe_transfer(const drm_syncobj_transfer& transfer) {
    std::optional<FenceOrigin> origin;
    if (const auto source = fences_.find(transfer.src_handle); source != fences_.end())
        if (const auto at = source->second.find(transfer.src_point); at != source->second.end())
            origin = at->second;
    if (transfer.dst_point == 0) forget_locked(transfer.dst_handle);
    if (shared_.count(transfer.dst_handle)) return;
    if (origin)
        fences_[transfer.dst_handle][transfer.dst_point] = *origin;
    else if (const auto target = fences_.find(transfer.dst_handle); target != fences_.end())
        target->second.erase(transfer.dst_point);
}

void FenceOrigins::observe_handle(const drm_syncobj_handle& arg, bool is_import) {
    static_assert(DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE ==
                  DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE);
    const bool is_sync_file = arg.flags & DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
    // A sync file is a copy of a fence; any other descriptor is the syncobj itself.
    if (!is_sync_file)
        share_locked(arg.handle);
    else if (is_import)
        forget_locked(arg.handle);
}

void FenceOrigins::observe(unsigned long request, const void* argument) {
    const auto number = static_cast<unsigned>(_IOC_NR(request));
    if (number < _IOC_NR(DRM_IOCTL_SYNCOBJ_CREATE) ||
        number > _IOC_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL) || !argument)
        return;
    const LockGuard lock(mutex_);
    switch (number) {
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_CREATE):
            forget_locked(static_cast<const drm_syncobj_create*>(argument)->handle);
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_DESTROY):
            forget_locked(static_cast<const drm_syncobj_destroy*>(argument)->handle);
            shared_.erase(static_cast<const drm_syncobj_destroy*>(argument)->handle);
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD):
            observe_handle(*static_cast<const drm_syncobj_handle*>(argument), false);
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE):
            observe_handle(*static_cast<const drm_syncobj_handle*>(argument), true);
            break;
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_RESET):
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_SIGNAL): {
            const auto& arg = *static_cast<const drm_syncobj_array*>(argument);
            forget_array(arg.handles, arg.count_handles);
            break;
        }
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL): {
            const auto& arg = *static_cast<const drm_syncobj_timeline_array*>(argument);
            forget_array(arg.handles, arg.count_handles);
            break;
        }
        case _IOC_NR(DRM_IOCTL_SYNCOBJ_TRANSFER):
            observe_transfer(*static_cast<const drm_syncobj_transfer*>(argument));
            break;
        default:
            break;
    }
}

}  // namespace viaduct::guest
