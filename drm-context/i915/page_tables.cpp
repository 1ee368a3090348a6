#include "drm-context/i915/page_tables.h"

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

void PageTables::take(const Place& place) {
    if (place.loose)
        loose_ += place.end;
    else if (place.first < place.end)
        placed_.add(place.first, place.end);
}

void PageTables::leave(const Place& place) {
    if (place.loose)
        loose_ -= place.end;
    else if (place.first < place.end)
        placed_.remove(place.first, place.end);
}

void PageTables::remove(GemHandle handle) {
    const auto place = places_.extract(handle);
    if (!place) return;
    const uint64_t before = tables();
    leave(place.mapped());
    account_.give_back_tables(kTableBytes * (before - tables()));
}

Status PageTables::charge_growth(uint64_t before, uint64_t limit) {
    if (tables() > limit)
        return fail(ENOMEM, "{} page tables and {} more exceed the limit of {}", before,
                    tables() - before, limit);
    return tables() == before ? Status()
                              : account_.charge_tables(kTableBytes * (tables() - before));
}

Status PageTables::place(std::span<const PlacedBuffer> buffers) {
    const uint64_t limit = account_.limits().regions != 0 ? account_.limits().regions : kMostTables;
    std::map<GemHandle, Place> moved;
    uint64_t pieces = 0;
    for (const PlacedBuffer& buffer : buffers) {
        const Place place = place_of(buffer);
        const auto old = places_.find(buffer.handle);
        if (old != places_.end() && old->second == place) continue;
        // Bounds the time, too: a range takes some for each smaller one that it covers.
        pieces += place.end - place.first;
        if (pieces > limit)
            return fail(ENOMEM, "{} page tables and {} more exceed the limit of {}", tables(),
                        pieces, limit);
        moved.insert_or_assign(buffer.handle, place);
    }
    // All are taken before any old place is left: one buffer may move to where another was.
    const uint64_t before = tables();
    for (const auto& [handle, place] : moved) take(place);
    if (Status status = charge_growth(before, limit); !status) {
        for (const auto& [handle, place] : moved) leave(place);
        return status;
    }
    const uint64_t grown = tables();
    for (const auto& [handle, place] : moved) {
        if (const auto old = places_.find(handle); old != places_.end()) leave(old->second);
        places_.insert_or_assign(handle, place);
    }
    account_.give_back_tables(kTableBytes * (grown - tables()));
    return {};
}

}  // namespace viaduct::i915
