#include "drm-context/front/fence_queue.h"

namespace viaduct {

FenceQueue::Place FenceQueue::add(RingIndex ring_idx, FenceId fence_id) {
    const bool known = ring_idx.value() < transport::kFenceRings;
    const RingIndex ring = known ? ring_idx : RingIndex();
    Ring& own = rings_[ring.value()];
    const uint64_t count = ++own.issued;
    own.waiting.push_back({{ring_idx, fence_id}, count});
    return {ring, count};
}

std::optional<FenceQueue::Place> FenceQueue::find(FenceId fence_id) const {
    for (uint32_t ring = 0; ring < transport::kFenceRings; ++ring)
        for (const Waiting& entry : rings_[ring].waiting)
            if (entry.fence.fence_id == fence_id) return Place{RingIndex(ring), entry.count};
    return std::nullopt;
}

void FenceQueue::take_retired(const transport::SharedPage& page, std::vector<RetiredFence>& out) {
    for (uint32_t i = 0; i < transport::kFenceRings; ++i) {
        auto& waiting = rings_[i].waiting;
        if (waiting.empty()) continue;
        const uint64_t retired = page.retired[i].load(std::memory_order_acquire);
        for (; !waiting.empty() && waiting.front().count <= retired; waiting.pop_front())
            out.push_back(waiting.front().fence);
    }
}

void FenceQueue::take_all(std::vector<RetiredFence>& out) {
    for (Ring& ring : rings_) {
        for (; !ring.waiting.empty(); ring.waiting.pop_front())
            out.push_back(ring.waiting.front().fence);
    }
}

bool FenceQueue::empty() const {
    for (const Ring& ring : rings_)
        if (!ring.waiting.empty()) return false;
    return true;
}

}  // namespace viaduct
