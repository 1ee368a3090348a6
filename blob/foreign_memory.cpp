#include "blob/foreign_memory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include "blob/mapping.h"
#include "blob/memfd.h"

namespace viaduct {

namespace {

// Not a hugetlbfs memfd: a page of it that was punched out may not come back when touched.
bool has_fixed_size(int fd) {
    struct statfs file_system {};
    if (::fstatfs(fd, &file_system) != 0) return false;
    if (file_system.f_type == DMA_BUF_MAGIC) return true;
    const int seals = ::fcntl(fd, F_GET_SEALS);
    return file_system.f_type == TMPFS_MAGIC && seals >= 0 && (seals & F_SEAL_SHRINK);
}

}  // namespace

Status check_mappable(int fd, uint64_t offset, uint64_t size) {
    if (!has_fixed_size(fd))
        return fail(EACCES, "fd {} is neither a sealed memfd nor a dma-buf", fd);
    const auto there = object_size(fd);
    if (!there) return tl::unexpected(there.error());
    const uint64_t whole = round_up_to_page(*there);
    if (offset > whole || size > whole - offset)
        return fail(EINVAL, "{} bytes at {:#x} are more than the {} bytes there are", size, offset,
                    *there);
    return {};
}

}  // namespace viaduct
