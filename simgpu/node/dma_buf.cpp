#include "simgpu/node/dma_buf.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <chrono>
#include <string_view>

#include "simgpu/node/next.h"
#include "simgpu/sync/fence.h"
#include "simgpu/sync/reservation.h"

namespace simgpu::node {

namespace {

using drm::Access;
using drm::FencePtr;
using drm::Reservation;

std::shared_ptr<Reservation> reservation_of(int fd) {
    const auto memory = drm::memory_of(fd);
    return memory ? Reservation::of_memory(*memory) : nullptr;
}

/// Nothing needs flushing, as CPU and simulated GPU see the same pages; but the CPU waits for the
/// GPU's writes before it reads, and for all its work before it writes (Linux:
/// __dma_buf_begin_cpu_access()).
int sync(int fd, const dma_buf_sync& args) {
    if ((args.flags & ~static_cast<uint64_t>(DMA_BUF_SYNC_VALID_FLAGS_MASK)) != 0) return -EINVAL;
    if ((args.flags & DMA_BUF_SYNC_RW) == 0) return -EINVAL;
    if (args.flags & DMA_BUF_SYNC_END) return 0;
    const auto reservation = reservation_of(fd);
    if (!reservation) return -EBADF;
    const bool writes = args.flags & DMA_BUF_SYNC_WRITE;
    for (const FencePtr& fence : writes ? reservation->pending() : reservation->pending_writes())
        fence->wait_until(std::chrono::steady_clock::time_point::max());
    return 0;
}

/// A sync file of what a reader (the writes) or a writer (everything) has to wait for.
int export_sync_file(int fd, dma_buf_export_sync_file& args) {
    const uint32_t flags = args.flags;
    if (flags == 0 || (flags & ~static_cast<uint32_t>(DMA_BUF_SYNC_RW)) != 0) return -EINVAL;
    const auto reservation = reservation_of(fd);
    if (!reservation) return -EBADF;
    const auto fences =
        flags & DMA_BUF_SYNC_WRITE ? reservation->pending() : reservation->pending_writes();
    viaduct::UniqueFd file = drm::Fence::all_of(fences)->export_sync_file();
    if (!file) return -EMFILE;
    args.fd = file.release();
    return 0;
}

/// Later users of the buffer wait for the sync file.
int import_sync_file(int fd, const dma_buf_import_sync_file& args) {
    const uint32_t flags = args.flags;
    if (flags == 0 || (flags & ~static_cast<uint32_t>(DMA_BUF_SYNC_RW)) != 0) return -EINVAL;
    const FencePtr fence = drm::Fence::from_sync_file(args.fd);
    if (!fence) return -EINVAL;
    const auto reservation = reservation_of(fd);
    if (!reservation) return -EBADF;
    if (!fence->is_signalled())
        reservation->add_foreign(fence,
                                 flags & DMA_BUF_SYNC_WRITE ? Access::kWrite : Access::kRead);
    return 0;
}

bool is_memfd(int fd) {
    return next::fcntl(fd, F_GET_SEALS) >= 0;
}

}  // namespace

// By the name that simgpu/memory/buffer.cpp gives it.
bool is_dma_buf(int fd) {
    constexpr std::string_view kName = "/memfd:simgpu-buffer";
    char link[kName.size()];
    const auto path = fmt::format("/proc/self/fd/{}", fd);
    const ssize_t length = next::readlink(path.c_str(), link, sizeof link);
    return length == static_cast<ssize_t>(kName.size()) &&
           std::string_view(link, sizeof link) == kName;
}

int shared_memory_ioctl(int fd, unsigned long request, void* argument) {
    if (_IOC_TYPE(request) != DMA_BUF_BASE || !is_memfd(fd)) return -ENOTTY;
    const bool takes_argument = request != DMA_BUF_SET_NAME_A && request != DMA_BUF_SET_NAME_B;
    if (takes_argument && !argument) return -EFAULT;
    switch (request) {
        case DMA_BUF_IOCTL_SYNC:
            return sync(fd, *static_cast<const dma_buf_sync*>(argument));
        case DMA_BUF_SET_NAME_A:
        case DMA_BUF_SET_NAME_B:
            return 0;
        case DMA_BUF_IOCTL_EXPORT_SYNC_FILE:
            return export_sync_file(fd, *static_cast<dma_buf_export_sync_file*>(argument));
        case DMA_BUF_IOCTL_IMPORT_SYNC_FILE:
            return import_sync_file(fd, *static_cast<const dma_buf_import_sync_file*>(argument));
        default:
            return -ENOTTY;
    }
}

}  // namespace simgpu::node
