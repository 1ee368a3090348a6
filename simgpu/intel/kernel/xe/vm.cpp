#include "simgpu/intel/kernel/xe/vm.h"

#include <iterator>

namespace simgpu::intel::xe {

uint64_t Vm::next_serial() {
    static std::atomic<uint64_t> last = 0;
    return ++last;
}

std::vector<drm::FencePtr> Vm::order(const std::vector<VaRange>& ranges,
                                     const drm::FencePtr& done) {
    if (pending_.size() >= next_cleaning_) {
        std::erase_if(pending_, [](const auto& bind) { return bind.second.done->is_signalled(); });
        next_cleaning_ = 2 * pending_.size() + 64;
    }
    std::vector<drm::FencePtr> before;
    for (const VaRange& range : ranges) replace_pending(range, done, before);
    return before;
}

/// The binds that have been there come before `done`, and so before all that follow it.
void Vm::replace_pending(const VaRange& range, const drm::FencePtr& done,
                         std::vector<drm::FencePtr>& before) {
    auto bind = pending_.upper_bound(range.start);
    if (bind != pending_.begin() && std::prev(bind)->second.end > range.start) --bind;
    while (bind != pending_.end() && bind->first < range.end) {
        const uint64_t start = bind->first;
        const Pending old = bind->second;
        bind = pending_.erase(bind);
        if (old.done != done && !old.done->is_signalled()) before.push_back(old.done);
        if (start < range.start) pending_.emplace(start, Pending{range.start, old.done});
        if (old.end > range.end) pending_.emplace(range.end, old);
    }
    pending_.emplace(range.start, Pending{range.end, done});
}

}  // namespace simgpu::intel::xe
