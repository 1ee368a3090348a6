// The host-visible window: address space of the server into which blobs are mapped, as a machine
// monitor places them in the guest's physical memory. The guest's kernel gives its ranges out.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "tests/loopback/server/map_observer.h"

namespace viaduct::loopback {

class HostWindow {
  public:
    static Result<HostWindow> create(uint64_t size);

    /// Reserves a range of `size` bytes (whole pages) in the smallest gap that holds it, as drm_mm
    /// does (DRM_MM_INSERT_BEST). ENOSPC if there is none.
    Result<void*> allocate(uint64_t size);
    /// Puts inaccessible memory back over the range that starts at `address`.
    void release(void* address);

  private:
    void add_gap(uint64_t offset, uint64_t size);
    void remove_gap(std::map<uint64_t, uint64_t>::iterator gap);

    Mapping reserved_;
    std::map<uint64_t, uint64_t> used_;                // offset to size
    std::map<uint64_t, uint64_t> gaps_;                // likewise
    std::set<std::pair<uint64_t, uint64_t>> by_size_;  // the gaps: size, offset
};

/// The file behind [address, address + size) of this process: a new descriptor of the mapped
/// file, opened through /proc/self/map_files, which asks for CAP_SYS_ADMIN or
/// CAP_CHECKPOINT_RESTORE, and works for files and memfds but not for device memory.
Result<MappedFile> file_behind_mapping(const void* address, uint64_t size);

}  // namespace viaduct::loopback
