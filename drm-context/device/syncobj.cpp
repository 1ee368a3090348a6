#include "drm-context/device/syncobj.h"

#include <drm.h>
#include <poll.h>

namespace viaduct {

Result<uint32_t> create_syncobj(Device& device, uint32_t flags) {
    drm_syncobj_create create{};
    create.flags = flags;
    if (const int error = device.ioctl(DRM_IOCTL_SYNCOBJ_CREATE, &create); error < 0)
        return fail(-error, "cannot create a syncobj (errno {})", -error);
    return create.handle;
}

void destroy_syncobj(Device& device, uint32_t handle) {
    drm_syncobj_destroy destroy{handle, 0};
    device.ioctl(DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
}

int export_sync_file(Device& device, uint32_t handle, UniqueFd& sync_file) {
    drm_syncobj_handle args{};
    args.handle = handle;
    args.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
    args.fd = -1;
    const int error = device.ioctl(DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);
    if (error < 0) return error;
    sync_file = UniqueFd(args.fd);
    return 0;
}

Status import_sync_file(Device& device, uint32_t handle, const UniqueFd& sync_file) {
    drm_syncobj_handle args{};
    args.handle = handle;
    args.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE;
    args.fd = sync_file.get();
    if (const int error = device.ioctl(DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &args); error < 0)
        return fail(-error, "cannot import descriptor {} as a sync file (errno {})",
                    sync_file.get(), -error);
    return {};
}

bool has_signalled(int sync_file) {
    pollfd entry{sync_file, POLLIN, 0};
    return ::poll(&entry, 1, 0) > 0;
}

bool has_signalled(Device& device, uint32_t handle) {
    drm_syncobj_wait wait{};
    wait.handles = reinterpret_cast<uint64_t>(&handle);
    wait.count_handles = 1;
    wait.timeout_nsec = 0;  // absolute: does not wait
    return device.ioctl(DRM_IOCTL_SYNCOBJ_WAIT, &wait) != -ETIME;
}

}  // namespace viaduct
