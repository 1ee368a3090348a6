// Interposed: ioctl(2) and mmap(2), by which a program talks to a node.
#include <drm.h>
#include <linux/sync_file.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>

#include "blob/mapping.h"
#include "simgpu/drm/fence.h"
#include "simgpu/node/dma_buf.h"
#include "simgpu/node/next.h"
#include "simgpu/node/shell.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace simgpu::node {

namespace {

struct MmapCall {
    void* address;
    size_t length;
    int protection;
    int flags;
    int fd;
    off_t offset;
};

constexpr unsigned kSyncFileType = SYNC_IOC_MAGIC;

int with_errno(int result) {
    if (result >= 0) return result;
    errno = -result;
    return -1;
}

int ioctl_of_node(OpenFile& open_file, unsigned long request, void* argument) {
    const auto file = open_file.file();
    return with_errno(file ? file->ioctl(request, argument) : -ENODEV);
}

// The kernel knew no such request for this descriptor: is it one that a simulated device made,
// or that another program opened for us?
int ioctl_of_stranger(int fd, unsigned long request, void* argument) {
    if (_IOC_TYPE(request) == DRM_IOCTL_BASE) {
        Shell* shell = Shell::wake();
        if (const OpenFilePtr file = shell != nullptr ? shell->adopt(fd) : nullptr)
            return ioctl_of_node(*file, request, argument);
    }
    return with_errno(shared_memory_ioctl(fd, request, argument));
}

void* map_node(OpenFile& open_file, const MmapCall& call) {
    const auto file = open_file.file();
    if (!file) return errno = ENODEV, MAP_FAILED;
    const auto source = file->map_source(static_cast<uint64_t>(call.offset));
    if (!source) return errno = source.error(), MAP_FAILED;
    const uint64_t length = viaduct::round_up_to_page(call.length);
    if (length == 0 || length > source->size) return errno = EINVAL, MAP_FAILED;
    return next::mmap(call.address, call.length, call.protection, call.flags, source->fd.get(),
                      static_cast<off_t>(source->offset));
}

void* mmap_with(next::Mmap* next, const MmapCall& call) {
    if ((call.flags & MAP_ANONYMOUS) == 0 && open_files().may_hold(call.fd))
        if (const OpenFilePtr file = open_files().find(call.fd)) return map_node(*file, call);
    void* const mapped =
        next(call.address, call.length, call.protection, call.flags, call.fd, call.offset);
    // A FIFO cannot be mapped (ENODEV): is it a node that came over a socket?
    if (mapped != MAP_FAILED || errno != ENODEV) return mapped;
    Shell* shell = Shell::wake();
    const OpenFilePtr file = shell != nullptr ? shell->adopt(call.fd) : nullptr;
    if (file) return map_node(*file, call);
    errno = ENODEV;
    return mapped;
}

}  // namespace

EXPORT int ioctl(int fd, unsigned long request, ...) noexcept {
    va_list arguments;
    va_start(arguments, request);
    void* argument = va_arg(arguments, void*);
    va_end(arguments);
    if (_IOC_TYPE(request) == DRM_IOCTL_BASE && open_files().may_hold(fd))
        if (const OpenFilePtr file = open_files().find(fd))
            return ioctl_of_node(*file, request, argument);
    if (_IOC_TYPE(request) == kSyncFileType && drm::is_sync_file(fd))
        return with_errno(drm::sync_file_ioctl(fd, request, argument));
    const int result = next::ioctl(fd, request, argument);
    if (result >= 0 || errno != ENOTTY) return result;
    return ioctl_of_stranger(fd, request, argument);
}

EXPORT void* mmap(void* address, size_t length, int protection, int flags, int fd,
                  off_t offset) noexcept {
    return mmap_with(next::mmap, {address, length, protection, flags, fd, offset});
}
EXPORT void* mmap64(void* address, size_t length, int protection, int flags, int fd,
                    off64_t offset) noexcept {
    return mmap_with(next::mmap64, {address, length, protection, flags, fd, offset});
}

}  // namespace simgpu::node
