// Interposed: ioctl(2).
#include <drm.h>
#include <linux/sync_file.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "simgpu/node/dma_buf.h"
#include "simgpu/node/next.h"
#include "simgpu/node/shell.h"
#include "simgpu/sync/fence.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace simgpu::node {

namespace {

constexpr unsigned kSyncFileType = SYNC_IOC_MAGIC;

int with_errno(int result) {
    if (result >= 0) return result;
    errno = -result;
    return -1;
}

int ioctl_of_node(OpenFile& open_file, int fd, unsigned long request, void* argument) {
    const auto file = open_file.file();
    if (!file) return with_errno(-ENODEV);
    const int result = file->ioctl(request, argument);
    if (open_file.claim_is_new(*file)) publish_claim(fd);
    return with_errno(result);
}

// The kernel knew no such request for this descriptor: is it one that a simulated device made,
// or that another program opened for us?
int ioctl_of_stranger(int fd, unsigned long request, void* argument) {
    if (_IOC_TYPE(request) == DRM_IOCTL_BASE) {
        Shell* shell = Shell::wake();
        if (const OpenFilePtr file = shell != nullptr ? shell->adopt(fd) : nullptr)
            return ioctl_of_node(*file, fd, request, argument);
    }
    return with_errno(shared_memory_ioctl(fd, request, argument));
}

}  // namespace

EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
    va_list arguments;
    va_start(arguments, request);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    if (_IOC_TYPE(request) == DRM_IOCTL_BASE && open_files().may_hold(fd))
        if (const OpenFilePtr file = open_files().find(fd))
            return ioctl_of_node(*file, fd, request, argument);
    if (_IOC_TYPE(request) == kSyncFileType && drm::is_sync_file(fd))
        return with_errno(drm::sync_file_ioctl(fd, request, argument));
    const int result = next::ioctl(fd, request, argument);
    if (result >= 0 || errno != ENOTTY) return result;
    return ioctl_of_stranger(fd, request, argument);
}

}  // namespace simgpu::node
