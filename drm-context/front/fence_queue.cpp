#include "drm-context/front/fence_queue.h"

#include <bit>

namespace viaduct {

std::optional<FenceQueue::Place> FenceQueue::find(FenceId fence_id) const {
    for (uint32_t ring = 0; ring < transport::kFenceRings; ++ring) {
        const Ring& own = rings_[ring];
        for (size_t i = 0; i < own.waiting.size(); ++i)
            if (own.waiting[i].fence_id == fence_id)
                return Place{RingIndex(ring), own.first_count() + i};
    }
    return std::nullopt;
}

void FenceQueue::take_up_to(uint64_t count, uint32_t ring, std::vector<RetiredFence>& out) {
    Ring& own = rings_[ring];
    for (; !own.waiting.empty() && own.first_count() <= count; own.waiting.pop_front())
        out.push_back(own.waiting.front());
    if (own.waiting.empty()) pending_ &= ~(uint64_t{1} << ring);
}

void FenceQueue::take_retired(const transport::SharedPage& page, std::vector<RetiredFence>& out) {
    for (uint64_t left = pending_; left != 0; left &= left - 1) {
        const auto ring = static_cast<uint32_t>(std::countr_zero(left));
        take_up_to(page.retired[ring].load(std::memory_order_acquire), ring, out);
    }
}

void FenceQueue::take_all(std::vector<RetiredFence>& out) {
    for (uint64_t left = pending_; left != 0; left &= left - 1)
        take_up_to(UINT64_MAX, static_cast<uint32_t>(std::countr_zero(left)), out);
}

}  // namespace viaduct
