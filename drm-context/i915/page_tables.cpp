#include "drm-context/i915/page_tables.h"

#include <algorithm>

namespace viaduct::i915 {

namespace {

constexpr uint64_t kTableBytes = 4096;
constexpr uint64_t kTableReach = 2 << 20;
constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 1;  // bit 47 is repeated above
constexpr uint64_t kMostTables = 1 << 20;  // of an address space without a limit: 4 GiB of them

}  // namespace

PageTables::~PageTables() {
    account_.give_back_tables(kTableBytes * tables());
}

PageTables::Place PageTables::place_of(const PlacedBuffer& buffer) {
    const uint64_t size = buffer.size & kAddressMask;
    if (!buffer.at) return {0, (size + kTableReach - 1) / kTableReach + 1, true};
    const uint64_t start = *buffer.at & kAddressMask;
    return {start / kTableReach, (start + size + kTableReach - 1) / kTableReach, false};
}

/// How many tables `place` adds to those that are there, and to `more`, which it joins.
uint64_t PageTables::missing(const Place& place, std::set<uint64_t>& more) const {
    if (place.loose) return place.end;
    const size_t before = more.size();
    for (uint64_t piece = place.first; piece < place.end; ++piece)
        if (!users_.contains(piece)) more.insert(piece);
    return more.size() - before;
}

void PageTables::take(const Place& place) {
    if (place.loose) loose_ += place.end;
    for (uint64_t piece = place.first; !place.loose && piece < place.end; ++piece) ++users_[piece];
}

void PageTables::leave(const Place& place) {
    const uint64_t before = tables();
    if (place.loose) loose_ -= place.end;
    for (uint64_t piece = place.first; !place.loose && piece < place.end; ++piece)
        if (const auto users = users_.find(piece); --users->second == 0) users_.erase(users);
    account_.give_back_tables(kTableBytes * (before - tables()));
}

void PageTables::remove(GemHandle handle) {
    const auto place = places_.extract(handle);
    if (place) leave(place.mapped());
}

Status PageTables::place(std::span<const PlacedBuffer> buffers) {
    const uint64_t limit = account_.limits().regions != 0 ? account_.limits().regions : kMostTables;
    std::map<GemHandle, Place> moved;
    std::set<uint64_t> more;
    uint64_t added = 0, pieces = 0;
    for (const PlacedBuffer& buffer : buffers) {
        const Place place = place_of(buffer);
        const auto old = places_.find(buffer.handle);
        if (old != places_.end() && old->second == place) continue;
        // Pieces that add no table still take time.
        pieces += place.end - place.first;
        if (pieces <= limit) added += missing(place, more);
        if (pieces > limit || tables() + added > limit)
            return fail(ENOMEM, "{} page tables and {} more exceed the limit of {}", tables(),
                        std::max(added, pieces), limit);
        moved.insert_or_assign(buffer.handle, place);
    }
    if (added != 0)
        if (Status status = account_.charge_tables(kTableBytes * added); !status) return status;
    // All are taken before any old place is left: one buffer may move to where another was.
    const uint64_t before = tables();
    for (const auto& [handle, place] : moved) take(place);
    const uint64_t grown = tables() - before;
    for (const auto& [handle, place] : moved) {
        if (const auto old = places_.find(handle); old != places_.end()) leave(old->second);
        places_.insert_or_assign(handle, place);
    }
    account_.give_back_tables(kTableBytes * (added - grown));  // of what a guest lists twice
    return {};
}

}  // namespace viaduct::i915
