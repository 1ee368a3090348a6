#include "drm-context/context/timelines.h"

#include <poll.h>

namespace viaduct {

namespace {

// Beyond this many entries a ring's newest fences share one merged sync file: a guest that queues
// without end behind a slow job costs a bounded number of descriptors.
constexpr size_t kMaxEntries = 256;

bool has_signalled(int sync_file) {
    pollfd poll_entry{sync_file, POLLIN, 0};
    return ::poll(&poll_entry, 1, 0) > 0;
}

}  // namespace

bool Timelines::is_done(uint32_t ring, const Entry& entry) const {
    return entry.sync_file ? has_signalled(entry.sync_file.get()) : hooks_.ring_idle(ring);
}

void Timelines::add_fence(uint32_t ring, uint64_t count) {
    if (rings_[ring].empty())
        hooks_.retired(ring, count);
    else
        rings_[ring].back().last_count = count;
}

void Timelines::add_fence_after(uint32_t ring, uint64_t count, UniqueFd newest) {
    Ring& pending = rings_[ring];
    Entry entry{std::move(newest), count};
    if (is_done(ring, entry)) return add_fence(ring, count);
    if (pending.size() < kMaxEntries) {
        pending.push_back(std::move(entry));
        return;
    }
    Entry& last = pending.back();
    if (last.sync_file && entry.sync_file)
        last.sync_file = hooks_.merge(last.sync_file.get(), entry.sync_file.get());
    else
        last.sync_file.reset();
    last.last_count = count;
}

UniqueFd Timelines::export_fence(uint32_t ring, uint64_t count) const {
    for (const Entry& entry : rings_[ring])
        if (entry.last_count >= count) return entry.sync_file.duplicate();
    return UniqueFd();
}

void Timelines::advance() {
    for (uint32_t ring = 0; ring < kMaxRings; ++ring) {
        Ring& pending = rings_[ring];
        uint64_t count = 0;
        while (!pending.empty() && is_done(ring, pending.front())) {
            count = pending.front().last_count;
            pending.pop_front();
        }
        if (count != 0) hooks_.retired(ring, count);
    }
}

void Timelines::retire_all() {
    for (uint32_t ring = 0; ring < kMaxRings; ++ring) {
        Ring& pending = rings_[ring];
        if (pending.empty()) continue;
        const uint64_t count = pending.back().last_count;
        pending.clear();
        hooks_.retired(ring, count);
    }
}

bool Timelines::idle() const {
    for (const Ring& ring : rings_)
        if (!ring.empty()) return false;
    return true;
}

bool Timelines::append_pending(std::vector<int>& descriptors) const {
    bool ask = false;
    for (const Ring& ring : rings_) {
        if (ring.empty()) continue;
        if (ring.front().sync_file)
            descriptors.push_back(ring.front().sync_file.get());
        else
            ask = true;
    }
    return ask;
}

}  // namespace viaduct
