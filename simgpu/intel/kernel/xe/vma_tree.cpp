#include "simgpu/intel/kernel/xe/vma_tree.h"

#include <iterator>

namespace simgpu::intel::xe {

void VmaTree::map(const VaRange& range, const memory::Buffer* buffer) {
    unmap(range);
    vmas_.emplace(range.start, Vma{range.end, buffer});
}

bool VmaTree::unmap(const VaRange& range) {
    auto vma = vmas_.upper_bound(range.start);
    if (vma != vmas_.begin() && std::prev(vma)->second.end > range.start) --vma;
    bool found = false;
    while (vma != vmas_.end() && vma->first < range.end) {
        const uint64_t start = vma->first;
        const Vma cut = vma->second;
        vma = vmas_.erase(vma);
        found = true;
        if (start < range.start) vmas_.emplace(start, Vma{range.start, cut.buffer});
        if (cut.end > range.end) vmas_.emplace(range.end, cut);
    }
    return found;
}

std::vector<VaRange> VmaTree::ranges_of(const memory::Buffer* buffer) const {
    std::vector<VaRange> ranges;
    for (const auto& [start, vma] : vmas_)
        if (vma.buffer == buffer) ranges.push_back({start, vma.end});
    return ranges;
}

}  // namespace simgpu::intel::xe
