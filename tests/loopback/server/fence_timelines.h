// The guest kernel's fences: ids of one counter, timelines per (context, ring).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "tests/loopback/protocol.h"

namespace viaduct::loopback {

/// One open file of the emulated node.
using FileId = uint32_t;

/// A signal for a client: every fence of (file, ring) with a token up to this one.
struct FenceEvent {
    FileId file = 0;
    uint32_t ring = 0;
    uint64_t token = 0;
};

/// A fence's waiter, and the thing that the fence protects.
struct FenceOwner {
    FileId file = 0;
    uint32_t ring = 0;
    uint64_t token = 0;
    std::vector<uint32_t> resources;
};

/// Not thread-safe.
class FenceTimelines {
  public:
    /// The next fence id, given to the newest fence of (context, owner.ring). Fences on kGlobalRing
    /// share one timeline whatever the context.
    uint64_t add(uint32_t ctx_id, FenceOwner owner);
    /// As the guest kernel does on a fence reply: signals the fence and all earlier ones of its
    /// timeline. An unknown id signals those below it.
    std::vector<FenceEvent> retire(uint32_t ctx_id, uint32_t ring, uint64_t fence_id);
    /// Forgets fences that nobody can wait for any more. Their ids may still be retired.
    void drop_file(FileId file);

    bool is_busy(uint32_t resource) const { return busy_.contains(resource); }
    size_t pending() const { return pending_; }

  private:
    struct Pending {
        uint64_t fence_id;
        FenceOwner owner;
    };
    using Key = std::pair<uint32_t, uint32_t>;

    static Key key_of(uint32_t ctx_id, uint32_t ring) {
        return {ring == kGlobalRing ? 0 : ctx_id, ring};
    }
    void release_resources(const FenceOwner& owner);

    uint64_t next_id_ = 1;
    size_t pending_ = 0;
    std::map<Key, std::deque<Pending>> timelines_;
    std::map<uint32_t, uint32_t> busy_;  // resource to its number of pending fences
};

}  // namespace viaduct::loopback
