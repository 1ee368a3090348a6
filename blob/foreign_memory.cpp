#include "blob/foreign_memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "blob/mapping.h"
#include "blob/memfd.h"

namespace viaduct {

namespace {

using Magic = decltype(statfs::f_type);

// linux/magic.h: of the file system that a file is in; 0: unknown.
Magic magic_of(int fd) {
    struct statfs file_system {};
    return ::fstatfs(fd, &file_system) == 0 ? file_system.f_type : 0;
}

// Not a hugetlbfs memfd: a page of it that was punched out may not come back when touched.
bool has_fixed_size(int fd, Magic magic) {
    if (magic == DMA_BUF_MAGIC) return true;
    if (magic != TMPFS_MAGIC) return false;
    const int seals = ::fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK);
}

Status check_range(int fd, Magic magic, uint64_t offset, uint64_t size) {
    if (!has_fixed_size(fd, magic))
        return fail(EACCES, "fd {} is neither a sealed memfd nor a dma-buf", fd);
    const auto there = object_size(fd);
    if (!there) return tl::unexpected(there.error());
    const uint64_t whole = round_up_to_page(*there);
    if (offset > whole || size > whole - offset)
        return fail(EINVAL, "{} bytes at {:#x} exceed the object's {} bytes", size, offset, *there);
    return {};
}

}  // namespace

Status check_mappable(int fd, uint64_t offset, uint64_t size) {
    return check_range(fd, magic_of(fd), offset, size);
}

Status check_dmabuf(int fd, uint64_t offset, uint64_t size) {
    const Magic magic = magic_of(fd);
    if (magic != DMA_BUF_MAGIC) return fail(EACCES, "fd {} is not a dma-buf", fd);
    return check_range(fd, magic, offset, size);
}

}  // namespace viaduct
