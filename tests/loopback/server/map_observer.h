// Sees which files the library maps, as a machine monitor's kernel does.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/unique_fd.h"

namespace viaduct::loopback {

/// The file behind mapped memory: map `fd` at `offset` to see the same bytes.
struct MappedFile {
    UniqueFd fd;
    uint64_t offset = 0;
};

/// Collects the shared file mappings that this thread makes while the observer lives, through the
/// mmap() that this program puts before the C library's. One per thread at a time.
class MapObserver {
  public:
    MapObserver();
    ~MapObserver();
    MapObserver(const MapObserver&) = delete;
    MapObserver& operator=(const MapObserver&) = delete;

    /// The file behind [address, address + size), if one mapping seen covers it.
    std::optional<MappedFile> take(const void* address, uint64_t size);

    /// For mmap() itself: a mapping was made. Keeps errno.
    static void notice(const void* address, size_t size, int fd, off_t offset);

  private:
    struct Seen {
        const std::byte* address;
        size_t size;
        MappedFile file;
    };
    std::vector<Seen> seen_;
};

}  // namespace viaduct::loopback
