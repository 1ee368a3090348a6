#include "simgpu/node/dma_buf.h"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "simgpu/drm/fence.h"
#include "simgpu/node/next.h"

namespace simgpu::node {

namespace {

// Nothing to flush: CPU and simulated GPU see the same pages.
int sync(void* argument) {
    const auto& sync = *static_cast<const dma_buf_sync*>(argument);
    return (sync.flags & ~static_cast<uint64_t>(DMA_BUF_SYNC_VALID_FLAGS_MASK)) != 0 ? -EINVAL : 0;
}

// A memfd carries no fences: whoever asks for them gets one that has signalled. Work on a shared
// buffer must be ordered explicitly.
int export_sync_file(void* argument) {
    auto& exported = *static_cast<dma_buf_export_sync_file*>(argument);
    const uint32_t flags = exported.flags;
    if (flags == 0 || (flags & ~static_cast<uint32_t>(DMA_BUF_SYNC_RW)) != 0) return -EINVAL;
    viaduct::UniqueFd file = drm::Fence::signalled()->export_sync_file();
    if (!file) return -EMFILE;
    exported.fd = file.release();
    return 0;
}

int import_sync_file(void* argument) {
    const auto& imported = *static_cast<const dma_buf_import_sync_file*>(argument);
    return drm::is_sync_file(imported.fd) ? 0 : -EINVAL;
}

bool is_memfd(int fd) {
    return next::fcntl(fd, F_GET_SEALS) >= 0;
}

}  // namespace

int shared_memory_ioctl(int fd, unsigned long request, void* argument) {
    if (_IOC_TYPE(request) != DMA_BUF_BASE || !is_memfd(fd)) return -ENOTTY;
    switch (request) {
        case DMA_BUF_IOCTL_SYNC:
            return sync(argument);
        case DMA_BUF_SET_NAME_A:
        case DMA_BUF_SET_NAME_B:
            return 0;
        case DMA_BUF_IOCTL_EXPORT_SYNC_FILE:
            return export_sync_file(argument);
        case DMA_BUF_IOCTL_IMPORT_SYNC_FILE:
            return import_sync_file(argument);
        default:
            return -ENOTTY;
    }
}

}  // namespace simgpu::node
