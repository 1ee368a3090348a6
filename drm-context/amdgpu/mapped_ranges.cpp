#include "drm-context/amdgpu/mapped_ranges.h"

#include <algorithm>

namespace viaduct::amdgpu {

namespace {

constexpr uint64_t kRegion = MappedRanges::kRegionBytes;

struct Regions {
    uint64_t first = 0;
    uint64_t end = 0;
};

Regions touched_by(VaRange range) {
    return {range.start / kRegion, (range.end() + kRegion - 1) / kRegion};
}

Regions covered_by(uint64_t start, uint64_t end) {
    const uint64_t first = (start + kRegion - 1) / kRegion;
    return {first, std::max(first, end / kRegion)};
}

// Calls visit(first, end) for the regions of a mapping that get a table: all of them, or those at a
// sparse range's ends.
template <typename Visit>
void each_with_table(VaRange range, MappedRanges::Kind kind, Visit visit) {
    const Regions touched = touched_by(range);
    const Regions covered = covered_by(range.start, range.end());
    if (kind == MappedRanges::Kind::kBuffer || covered.first == covered.end)
        return visit(touched.first, touched.end);
    if (touched.first < covered.first) visit(touched.first, covered.first);
    if (covered.end < touched.end) visit(covered.end, touched.end);
}

}  // namespace

uint64_t IntervalSet::missing(uint64_t first, uint64_t end) const {
    uint64_t missing = end > first ? end - first : 0;
    auto interval = intervals_.upper_bound(first);
    if (interval != intervals_.begin()) --interval;
    for (; interval != intervals_.end() && interval->first < end; ++interval) {
        const uint64_t from = std::max(first, interval->first);
        const uint64_t to = std::min(end, interval->second);
        if (from < to) missing -= to - from;
    }
    return missing;
}

void IntervalSet::add(uint64_t first, uint64_t end) {
    if (first >= end) return;
    auto interval = intervals_.upper_bound(first);
    if (interval != intervals_.begin() && std::prev(interval)->second >= first) --interval;
    while (interval != intervals_.end() && interval->first <= end) {
        first = std::min(first, interval->first);
        end = std::max(end, interval->second);
        size_ -= interval->second - interval->first;
        interval = intervals_.erase(interval);
    }
    intervals_.emplace(first, end);
    size_ += end - first;
}

void IntervalSet::remove(uint64_t first, uint64_t end) {
    if (first >= end) return;
    auto interval = intervals_.upper_bound(first);
    if (interval != intervals_.begin()) --interval;
    while (interval != intervals_.end() && interval->first < end) {
        const auto [from, to] = *interval;
        if (to <= first) {
            ++interval;
            continue;
        }
        interval = intervals_.erase(interval);
        size_ -= std::min(to, end) - std::max(from, first);
        if (from < first) intervals_.emplace(from, first);
        if (end < to) intervals_.emplace(end, to);
    }
}

uint64_t MappedRanges::regions_added_by(VaRange range, Kind kind) const {
    uint64_t added = 0;
    each_with_table(range, kind,
                    [&](uint64_t first, uint64_t end) { added += regions_.missing(first, end); });
    return added;
}

void MappedRanges::map(VaRange range, Kind kind, uint32_t buffer) {
    each_with_table(range, kind,
                    [this](uint64_t first, uint64_t end) { regions_.add(first, end); });
    insert(range.start, {range.end(), buffer});
}

void MappedRanges::unmap(uint64_t start) {
    const auto mapping = mappings_.find(start);
    if (mapping == mappings_.end()) return;
    const uint64_t end = mapping->second.end;
    erase(mapping);
    release_regions(start, end);
}

void MappedRanges::clear(VaRange range) {
    auto mapping = mappings_.upper_bound(range.start);
    if (mapping != mappings_.begin()) --mapping;
    while (mapping != mappings_.end() && mapping->first < range.end()) {
        const uint64_t start = mapping->first;
        const Mapping old = mapping->second;
        if (old.end <= range.start) {
            ++mapping;
            continue;
        }
        mapping = erase(mapping);
        release_regions(std::max(start, range.start), std::min(old.end, range.end()));
        if (start < range.start) insert(start, {range.start, old.buffer});
        if (range.end() < old.end) insert(range.end(), {old.end, old.buffer});
    }
}

void MappedRanges::forget_buffer(uint32_t buffer) {
    auto entry = by_buffer_.lower_bound({buffer, 0});
    while (entry != by_buffer_.end() && entry->first == buffer) {
        const uint64_t start = entry->second;
        ++entry;
        unmap(start);
    }
}

void MappedRanges::insert(uint64_t start, Mapping mapping) {
    mappings_.insert_or_assign(start, mapping);
    if (mapping.buffer != 0) by_buffer_.emplace(mapping.buffer, start);
}

MappedRanges::Mappings::iterator MappedRanges::erase(Mappings::iterator mapping) {
    by_buffer_.erase({mapping->second.buffer, mapping->first});
    return mappings_.erase(mapping);
}

void MappedRanges::release_regions(uint64_t start, uint64_t end) {
    const Regions covered = covered_by(start, end);
    regions_.remove(covered.first, covered.end);
}

}  // namespace viaduct::amdgpu
