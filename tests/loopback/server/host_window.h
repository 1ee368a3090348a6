// The host-visible window: address space of the server into which blobs are mapped, as a machine
// monitor places them in the guest's physical memory.
#pragma once

#include <cstdint>
#include <map>

#include "blob/mapping.h"
#include "blob/result.h"
#include "blob/unique_fd.h"
#include "tests/loopback/server/map_observer.h"

namespace viaduct::loopback {

class HostWindow {
  public:
    static Result<HostWindow> create(uint64_t size);

    /// Reserves a range of `size` bytes (whole pages). ENOSPC if the window is full.
    Result<void*> allocate(uint64_t size);
    /// Puts inaccessible memory back over the range that starts at `address`.
    void release(void* address);

  private:
    Mapping reserved_;
    std::map<uint64_t, uint64_t> used_;  // offset to size
};

/// What lies behind [address, address + size) of this process: a new descriptor of the mapped
/// file, opened through /proc/self/map_files, which asks for CAP_SYS_ADMIN or
/// CAP_CHECKPOINT_RESTORE, and works for files and memfds but not for device memory.
Result<MappedFile> file_behind_mapping(const void* address, uint64_t size);

}  // namespace viaduct::loopback
