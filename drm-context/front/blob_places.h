// BlobPlaces: where a context's opaque objects are mapped from, as its worker said unasked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/unique_fd.h"

namespace viaduct {

/// A guest's kernel maps a buffer right after it has made it (virtgpu_vram.c:
/// virtio_gpu_vram_create()): the answer to the one question need not be asked for again.
/// Thread-safe.
class BlobPlaces {
  public:
    struct Place {
        uint64_t offset = 0;
        UniqueFd memory;  // a simulated GPU's; else the GPU's own file has it
    };

    /// Nobody has booked their descriptors. With one more, the oldest resource's is forgotten.
    static constexpr size_t kMost = 64;

    void keep(ResourceId resource, Place place) {
        const LockGuard lock(mutex_);
        places_.insert_or_assign(resource, std::move(place));
        if (places_.size() > kMost) places_.erase(places_.begin());
    }
    /// The caller's from now on: the next mapping has to ask.
    std::optional<Place> take(ResourceId resource) {
        const LockGuard lock(mutex_);
        const auto found = places_.extract(resource);
        if (!found) return {};
        return std::move(found.mapped());
    }

  private:
    Mutex mutex_;
    std::map<ResourceId, Place> places_ VIADUCT_GUARDED_BY(mutex_);
};

}  // namespace viaduct
