// Dma-bufs made of memory that this process shares with a guest (drivers/dma-buf/udmabuf.c).
#pragma once

#include <linux/udmabuf.h>
#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/mapped_files.h"

namespace viaduct {

/// Parameters of the kernel's module; the administrator may change them at any time.
struct UdmabufLimits {
    uint64_t entries = 1024;  // list_limit
    uint64_t megabytes = 64;  // size_limit_mb
};

/// The kernel's side of udmabuf, as an interface: tests play it.
class UdmabufDevice {
  public:
    virtual ~UdmabufDevice() = default;
    /// UDMABUF_CREATE_LIST: the new dma-buf's descriptor, or a negative errno.
    virtual int create_list(udmabuf_create_list& list) = 0;
    virtual UdmabufLimits limits() const = 0;

    /// Opens /dev/udmabuf. ENOENT: the kernel has none; EACCES: it is for others (in Debian, for
    /// the group kvm).
    static Result<std::unique_ptr<UdmabufDevice>> open();
};

/// A dma-buf of the first `size` bytes of `iovecs`, rounded up to whole pages; close-on-exec. The
/// kernel pins the pages for its life. Finds the memfd behind each address by itself; neighbours
/// become one entry, so a guest's huge pages cost few. Make one per resource and hand out
/// duplicates: two dma-bufs of the same pages share no fences.
/// EINVAL: not in whole pages, shorter than `size`, or more than the kernel's limits allow;
/// EOPNOTSUPP: memory that is not a shared memfd; EACCES: one that can shrink, or is sealed
/// against writing; EREMOTE: memory of another Xen domain, of which no dma-buf can be made.
Result<UniqueFd> create_udmabuf(UdmabufDevice& device, std::span<const iovec> iovecs,
                                uint64_t size);
/// The same where this process's memory is mapped as `mapped` has it.
Result<UniqueFd> create_udmabuf(UdmabufDevice& device, const MappedFiles& mapped,
                                std::span<const iovec> iovecs, uint64_t size);

}  // namespace viaduct
