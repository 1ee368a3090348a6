// Kernel: what the layer asks of the level below it, so that tests can play that level.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "blob/mapping.h"

namespace viaduct::guest {

/// The next level of the process: the guest kernel's virtio-gpu node, or a stand-in preloaded after
/// us. Results are ≥ 0 or a negative errno. Thread-safe. Nothing here owns a descriptor.
class Kernel {
  public:
    virtual ~Kernel() = default;

    virtual int ioctl(int fd, unsigned long request, void* argument) = 0;
    /// Maps `size` bytes of `fd` from `offset`, shared, read/write.
    virtual Result<Mapping> map(int fd, uint64_t offset, size_t size) = 0;
    /// Waits until `fd` is readable: 1 when it is, 0 after `timeout`. Interruptions are 0 too.
    virtual int wait_readable(int fd, std::chrono::milliseconds timeout) = 0;
    /// Bytes of a page of this guest: 4, 16 or 64 KiB.
    virtual uint64_t page_size() const { return static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)); }
};

/// The level below as seen through the descriptor that the application is using right now. The
/// layer keeps no descriptor of its own: a daemon that closes every number it does not know would
/// close ours, and the number would come back as somebody else's file.
struct Channel {
    Kernel& kernel;
    int fd;

    int ioctl(unsigned long request, void* argument) const {
        return kernel.ioctl(fd, request, argument);
    }
};

}  // namespace viaduct::guest
