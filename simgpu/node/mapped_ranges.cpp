#include "simgpu/node/mapped_ranges.h"

#include <cstddef>
#include <iterator>
#include <new>
#include <utility>

namespace simgpu::node {

std::vector<NodeFilePtr> MappedRanges::add(const void* start, size_t length, NodeFilePtr file) {
    const auto first = reinterpret_cast<uintptr_t>(start);
    const viaduct::LockGuard lock(mutex_);
    std::vector<NodeFilePtr> dropped = remove_locked(first, first + length);
    ranges_[first] = {first + length, std::move(file)};
    count_.store(ranges_.size(), std::memory_order_release);
    return dropped;
}

std::vector<NodeFilePtr> MappedRanges::remove(const void* start, size_t length) {
    const auto first = reinterpret_cast<uintptr_t>(start);
    const viaduct::LockGuard lock(mutex_);
    return remove_locked(first, first + length);
}

std::vector<NodeFilePtr> MappedRanges::remove_locked(uintptr_t start, uintptr_t end) {
    std::vector<NodeFilePtr> dropped;
    auto entry = ranges_.upper_bound(start);
    if (entry != ranges_.begin() && std::prev(entry)->second.end > start) --entry;
    while (entry != ranges_.end() && entry->first < end) {
        const uintptr_t begin = entry->first;
        Range cut = std::move(entry->second);
        entry = ranges_.erase(entry);
        if (begin < start) ranges_[begin] = {start, cut.file};
        if (cut.end > end) ranges_[end] = {cut.end, cut.file};
        dropped.push_back(std::move(cut.file));
    }
    count_.store(ranges_.size(), std::memory_order_release);
    return dropped;
}

NodeFilePtr MappedRanges::find(const void* address) {
    const auto at = reinterpret_cast<uintptr_t>(address);
    const viaduct::LockGuard lock(mutex_);
    const auto after = ranges_.upper_bound(at);
    if (after == ranges_.begin()) return nullptr;
    const Range& range = std::prev(after)->second;
    return at < range.end ? range.file : nullptr;
}

void MappedRanges::after_fork_in_child() {
    new (&ranges_) std::map<uintptr_t, Range>;
    count_ = 0;
}

MappedRanges& mapped_ranges() {
    alignas(MappedRanges) static std::byte storage[sizeof(MappedRanges)];
    static auto* const ranges = new (storage) MappedRanges;
    return *ranges;
}

}  // namespace simgpu::node
