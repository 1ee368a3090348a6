// The fences of one context that have not retired, per ring, on the front's side.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/fifo.h"
#include "base/ids.h"
#include "drm-context/transport/shared_page.h"

namespace viaduct {

struct RetiredFence {
    RingIndex ring_idx = {};  // as the VMM named it
    FenceId fence_id = {};
};

/// Not thread-safe.
class FenceQueue {
  public:
    struct Place {
        RingIndex ring;  // internal: < transport::kFenceRings
        uint64_t count;  // from 1
    };

    /// Rings beyond the protocol's count as the CPU's: they retire in command order.
    Place add(RingIndex ring_idx, FenceId fence_id) {
        const bool known = ring_idx.value() < transport::kFenceRings;
        const RingIndex ring = known ? ring_idx : RingIndex();
        Ring& own = rings_[ring.value()];
        own.waiting.push_back({ring_idx, fence_id});
        pending_ |= uint64_t{1} << ring.value();
        return {ring, ++own.issued};
    }
    /// Where a fence waits; nothing if it has retired or never existed.
    std::optional<Place> find(FenceId fence_id) const;
    /// Takes out those up to the worker's counts (any values), in order.
    void take_retired(const transport::SharedPage& page, std::vector<RetiredFence>& out);
    /// Takes out all.
    void take_all(std::vector<RetiredFence>& out);
    bool empty() const { return pending_ == 0; }

  private:
    struct Ring {
        Fifo<RetiredFence> waiting;
        uint64_t issued = 0;
        /// Of the oldest that waits.
        uint64_t first_count() const { return issued - waiting.size() + 1; }
    };
    void take_up_to(uint64_t count, uint32_t ring, std::vector<RetiredFence>& out);

    Ring rings_[transport::kFenceRings];
    uint64_t pending_ = 0;  // a bit for each ring where fences wait
    static_assert(transport::kFenceRings <= 64);
};

}  // namespace viaduct
