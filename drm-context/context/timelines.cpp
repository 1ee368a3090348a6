#include "drm-context/context/timelines.h"

#include <bit>

#include "drm-context/device/syncobj.h"

namespace viaduct {

namespace {

// Beyond this many entries a ring's newest work shares one merged sync file: a guest that queues
// without end behind a slow job costs a bounded number of descriptors.
constexpr size_t kMaxEntries = 256;

// Calls `visit(ring)` for each bit. It may clear them.
template <typename Visit>
void for_each_ring(uint64_t rings, Visit visit) {
    for (; rings != 0; rings &= rings - 1) visit(static_cast<uint32_t>(std::countr_zero(rings)));
}

}  // namespace

bool Timelines::is_done(RingIndex ring, const Work& work) const {
    return work.sync_file ? has_signalled(work.sync_file.get()) : hooks_.ring_idle(ring);
}

void Timelines::add_work(RingIndex ring, Work work) {
    Ring& pending = rings_[ring.value()];
    if (pending.empty() && is_done(ring, work)) return hooks_.done(ring, work);
    if (pending.empty() || !join_newest(pending, work)) pending.push_back({std::move(work), 0, {}});
    pending_ |= uint64_t{1} << ring.value();
}

// True if the newest entry now stands for `work` too. No sync file is ever let go without one that
// covers its work: what ring_idle() answers for is the work that has none.
bool Timelines::join_newest(Ring& pending, Work& work) const {
    Work& newest = pending.back().work;
    if (!newest.sync_file) {
        newest.sync_file = std::move(work.sync_file);
    } else {
        if (pending.size() < kMaxEntries || !work.sync_file) return false;
        UniqueFd both = hooks_.merge(newest.sync_file.get(), work.sync_file.get());
        if (!both) return false;  // out of descriptors: those that are there bound the entries
        newest.sync_file = std::move(both);
    }
    newest.submissions = work.submissions;
    return true;
}

void Timelines::add_fence(RingIndex ring, uint64_t count, uint32_t request) {
    Ring& pending = rings_[ring.value()];
    if (pending.empty()) return hooks_.retired(ring, count, request);
    pending.back().last_count = count;
    pending.back().last_request = request;
}

void Timelines::add_request(RingIndex ring, uint32_t request) {
    Ring& pending = rings_[ring.value()];
    if (pending.empty()) return hooks_.retired(ring, 0, request);
    pending.back().last_request = request;
}

void Timelines::report(RingIndex ring, const Newest& newest) const {
    if (newest.request) hooks_.retired(ring, newest.count, *newest.request);
}

// Entries may be of several queues of the kernel's: the last to be done is not the last added.
UniqueFd Timelines::export_fence(RingIndex ring, uint64_t count) const {
    UniqueFd all;
    for (const Entry& entry : rings_[ring.value()]) {
        const int next = entry.work.sync_file.get();
        if (next < 0) return UniqueFd();
        all = all ? hooks_.merge(all.get(), next) : entry.work.sync_file.duplicate();
        if (!all) return UniqueFd();
        if (entry.last_count >= count) return all;
    }
    return UniqueFd();
}

UniqueFd Timelines::export_all() const {
    UniqueFd all;
    for (const Ring& ring : rings_) {
        for (const Entry& entry : ring) {
            const int next = entry.work.sync_file.get();
            if (next < 0) return UniqueFd();
            all = all ? hooks_.merge(all.get(), next) : entry.work.sync_file.duplicate();
            if (!all) return UniqueFd();
        }
    }
    return all;
}

void Timelines::advance() {
    for_each_ring(pending_, [this](uint32_t i) {
        const RingIndex ring(i);
        Ring& pending = rings_[i];
        Newest newest;
        while (!pending.empty() && is_done(ring, pending.front().work)) {
            hooks_.done(ring, pending.front().work);
            newest.include(pending.front());
            pending.pop_front();
        }
        if (pending.empty()) pending_ &= ~(uint64_t{1} << i);
        report(ring, newest);
    });
}

void Timelines::retire_all() {
    for_each_ring(pending_, [this](uint32_t i) {
        const RingIndex ring(i);
        Ring& pending = rings_[i];
        Newest newest;
        for (const Entry& entry : pending) newest.include(entry);
        pending.clear();
        pending_ &= ~(uint64_t{1} << i);
        report(ring, newest);
    });
}

bool Timelines::append_pending(std::vector<int>& descriptors) const {
    bool ask = false;
    for_each_ring(pending_, [&](uint32_t i) {
        const int next = rings_[i].front().work.sync_file.get();
        if (next >= 0)
            descriptors.push_back(next);
        else
            ask = true;
    });
    return ask;
}

}  // namespace viaduct
