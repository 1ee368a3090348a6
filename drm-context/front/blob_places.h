// BlobPlaces: where a context's buffers are mapped from, as its worker said unasked.
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
/// virtio_gpu_vram_create()): an announcement, or the answer to the one question, has what the
/// other would ask for. Thread-safe.
class BlobPlaces {
  public:
    struct Place {
        uint64_t offset = 0;
        /// A simulated GPU's, checked for the size of the blob; else the GPU's own file has it.
        UniqueFd memory;
    };
    /// One creation of a resource. Guests use ids again, and an answer may be late.
    using Creation = uint64_t;

    /// Nobody has booked their descriptors. With one more, the lowest resource's is forgotten.
    static constexpr size_t kMost = 64;

    /// `resource` is created, and has no place yet.
    Creation expect(ResourceId resource) {
        const LockGuard lock(mutex_);
        const Creation creation = ++creations_;
        expected_.insert_or_assign(resource, Expected{creation, {}});
        if (expected_.size() > kMost) {
            const bool is_lowest = expected_.begin()->first == resource;
            expected_.erase(is_lowest ? std::next(expected_.begin()) : expected_.begin());
        }
        return creation;
    }
    /// Nothing if that creation's resource has gone.
    void keep(ResourceId resource, Creation creation, Place place) {
        const LockGuard lock(mutex_);
        const auto found = expected_.find(resource);
        if (found != expected_.end() && found->second.creation == creation)
            found->second.place = std::move(place);
    }
    /// The caller's from now on: the next mapping has to ask.
    std::optional<Place> take(ResourceId resource) {
        const LockGuard lock(mutex_);
        const auto found = expected_.find(resource);
        if (found == expected_.end() || !found->second.place) return {};
        return std::move(expected_.extract(found).mapped().place);
    }
    /// `resource` goes, or was not created.
    void forget(ResourceId resource) {
        const LockGuard lock(mutex_);
        expected_.erase(resource);
    }

  private:
    struct Expected {
        Creation creation = 0;
        std::optional<Place> place;
    };

    Mutex mutex_;
    std::map<ResourceId, Expected> expected_ VIADUCT_GUARDED_BY(mutex_);
    Creation creations_ VIADUCT_GUARDED_BY(mutex_) = 0;
};

}  // namespace viaduct
