#include "simgpu/intel/kernel/xe/vm.h"

#include <algorithm>

namespace simgpu::intel::xe {

uint64_t Vm::next_serial() {
    static std::atomic<uint64_t> last = 0;
    return ++last;
}

std::vector<drm::FencePtr> Vm::order(const std::vector<VaRange>& ranges,
                                     const drm::FencePtr& done) {
    std::erase_if(pending_, [](const Pending& bind) { return bind.done->is_signalled(); });
    std::vector<drm::FencePtr> before;
    for (const Pending& bind : pending_) {
        const auto overlaps = [&](const VaRange& range) { return range.overlaps(bind.range); };
        if (std::ranges::any_of(ranges, overlaps)) before.push_back(bind.done);
    }
    for (const VaRange& range : ranges) pending_.push_back({range, done});
    return before;
}

}  // namespace simgpu::intel::xe
