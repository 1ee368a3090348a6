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

VaRange overlap(VaRange a, VaRange b) {
    const uint64_t start = std::max(a.start, b.start);
    return {start, std::min(a.end(), b.end()) - start};
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

uint64_t IntervalSet::missing(const IntervalSet& other) const {
    uint64_t sum = 0;
    for (const auto& [first, end] : other.intervals_) sum += missing(first, end);
    return sum;
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

MappedRanges::Growth MappedRanges::growth_by_map(VaRange range, Kind kind) const {
    return {1, regions_added_by(range, kind)};
}

MappedRanges::Growth MappedRanges::growth_by_clear(VaRange range) const {
    return growth(cuts_of(range), 0);
}

MappedRanges::Growth MappedRanges::growth_by_replace(VaRange range, Kind kind) const {
    Cuts cuts = cuts_of(range);
    each_with_table(range, kind,
                    [&](uint64_t first, uint64_t end) { cuts.with_table.add(first, end); });
    return growth(cuts, 1);
}

MappedRanges::Growth MappedRanges::growth(const Cuts& cuts, uint64_t mapped) const {
    const uint64_t more = cuts.pieces + mapped;
    return {more - std::min(more, cuts.removed), regions_.missing(cuts.with_table)};
}

MappedRanges::Mappings::const_iterator MappedRanges::first_behind(uint64_t address) const {
    auto mapping = mappings_.upper_bound(address);
    if (mapping != mappings_.begin() && std::prev(mapping)->second.end > address) --mapping;
    return mapping;
}

MappedRanges::Cuts MappedRanges::cuts_of(VaRange range) const {
    Cuts cuts;
    for (auto mapping = first_behind(range.start);
         mapping != mappings_.end() && mapping->first < range.end(); ++mapping) {
        const auto& [start, old] = *mapping;
        const VaRange hole = overlap({start, old.end - start}, range);
        ++cuts.removed;
        if (start < hole.start) ++cuts.pieces;
        if (hole.end() < old.end) ++cuts.pieces;
        each_with_table(hole, Kind::kSparse,
                        [&](uint64_t first, uint64_t end) { cuts.with_table.add(first, end); });
    }
    return cuts;
}

void MappedRanges::map(VaRange range, Kind kind, GemHandle buffer) {
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
    auto mapping = first_behind(range.start);
    while (mapping != mappings_.end() && mapping->first < range.end()) {
        const uint64_t start = mapping->first;
        const Mapping old = mapping->second;
        const VaRange hole = overlap({start, old.end - start}, range);
        mapping = erase(mapping);
        release_regions(hole.start, hole.end());
        each_with_table(hole, Kind::kSparse,
                        [this](uint64_t first, uint64_t end) { regions_.add(first, end); });
        if (start < hole.start) insert(start, {hole.start, old.buffer});
        if (hole.end() < old.end) insert(hole.end(), {old.end, old.buffer});
    }
}

void MappedRanges::forget_buffer(GemHandle buffer) {
    auto entry = by_buffer_.lower_bound({buffer, 0});
    while (entry != by_buffer_.end() && entry->first == buffer) {
        const uint64_t start = entry->second;
        ++entry;
        unmap(start);
    }
}

void MappedRanges::insert(uint64_t start, Mapping mapping) {
    mappings_.insert_or_assign(start, mapping);
    if (mapping.buffer != GemHandle()) by_buffer_.emplace(mapping.buffer, start);
}

MappedRanges::Mappings::iterator MappedRanges::erase(Mappings::const_iterator mapping) {
    by_buffer_.erase({mapping->second.buffer, mapping->first});
    return mappings_.erase(mapping);
}

void MappedRanges::release_regions(uint64_t start, uint64_t end) {
    const Regions covered = covered_by(start, end);
    regions_.remove(covered.first, covered.end);
}

}  // namespace viaduct::amdgpu
