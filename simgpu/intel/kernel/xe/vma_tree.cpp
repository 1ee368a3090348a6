#include "simgpu/intel/kernel/xe/vma_tree.h"

#include <iterator>

namespace simgpu::intel::xe {

void VmaTree::insert(uint64_t start, const Vma& vma) {
    vmas_.emplace(start, vma);
    starts_.emplace(vma.buffer, start);
}

VmaTree::Vmas::iterator VmaTree::erase(Vmas::iterator vma) {
    starts_.erase({vma->second.buffer, vma->first});
    return vmas_.erase(vma);
}

void VmaTree::map(const VaRange& range, const memory::Buffer* buffer) {
    unmap(range);
    insert(range.start, {range.end, buffer});
}

bool VmaTree::unmap(const VaRange& range) {
    auto vma = vmas_.upper_bound(range.start);
    if (vma != vmas_.begin() && std::prev(vma)->second.end > range.start) --vma;
    bool found = false;
    while (vma != vmas_.end() && vma->first < range.end) {
        const uint64_t start = vma->first;
        const Vma cut = vma->second;
        vma = erase(vma);
        found = true;
        if (start < range.start) insert(start, {range.start, cut.buffer});
        if (cut.end > range.end) insert(range.end, cut);
    }
    return found;
}

std::vector<VaRange> VmaTree::ranges_of(const memory::Buffer* buffer) const {
    std::vector<VaRange> ranges;
    for (auto at = starts_.lower_bound({buffer, 0}); at != starts_.end() && at->first == buffer;
         ++at)
        ranges.push_back({at->second, vmas_.at(at->second).end});
    return ranges;
}

}  // namespace simgpu::intel::xe
