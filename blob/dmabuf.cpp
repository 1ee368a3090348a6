#include "blob/dmabuf.h"

#include <linux/dma-buf.h>
#include <sys/ioctl.h>

#include <cstring>

namespace viaduct {

namespace {

static_assert(static_cast<uint32_t>(BufferAccess::kReadWrite) == DMA_BUF_SYNC_RW);

// linux/dma-buf.h asks for a new try after either error.
Status call(int dmabuf, unsigned long request, void* argument, const char* name) {
    int result = 0;
    do result = ::ioctl(dmabuf, request, argument);
    while (result < 0 && (errno == EINTR || errno == EAGAIN));
    if (result < 0)
        return fail(errno, "{} of fd {} failed: {}", name, dmabuf, std::strerror(errno));
    return {};
}

Status sync(int dmabuf, BufferAccess access, uint64_t phase) {
    dma_buf_sync argument{static_cast<uint64_t>(access) | phase};
    return call(dmabuf, DMA_BUF_IOCTL_SYNC, &argument, "DMA_BUF_IOCTL_SYNC");
}

}  // namespace

Status begin_cpu_access(int dmabuf, BufferAccess access) {
    return sync(dmabuf, access, DMA_BUF_SYNC_START);
}

Status end_cpu_access(int dmabuf, BufferAccess access) {
    return sync(dmabuf, access, DMA_BUF_SYNC_END);
}

Result<UniqueFd> export_sync_file(int dmabuf, BufferAccess access) {
    dma_buf_export_sync_file argument{static_cast<uint32_t>(access), -1};
    const auto status =
        call(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &argument, "DMA_BUF_IOCTL_EXPORT_SYNC_FILE");
    if (!status) return tl::unexpected(status.error());
    return UniqueFd(argument.fd);
}

Status import_sync_file(int dmabuf, int sync_file, BufferAccess access) {
    dma_buf_import_sync_file argument{static_cast<uint32_t>(access), sync_file};
    return call(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &argument,
                "DMA_BUF_IOCTL_IMPORT_SYNC_FILE");
}

}  // namespace viaduct
