#include "drm-context/account/ring_statistics.h"

#include <algorithm>
#include <bit>

namespace viaduct {

namespace {

// A guest that queues fences without end behind one job gets coarser figures, not more memory.
constexpr size_t kMaxMarks = 256;

}  // namespace

uint32_t latency_bucket(int64_t ns) {
    const auto microseconds = static_cast<uint64_t>(std::max<int64_t>(ns, 0)) / 1000;
    return std::min(static_cast<uint32_t>(std::bit_width(microseconds)),
                    account::kLatencyBuckets - 1);
}

void RingStatistics::describe(RingIndex ring, QueueClass which, uint32_t index) {
    if (!exists(ring)) return;
    rings_[ring.value()].which = which;
    counters_.ring[ring.value()].queue_class = static_cast<uint32_t>(which);
    counters_.ring[ring.value()].index = index;
    counters_.rings = std::max(counters_.rings.load(), ring.value() + 1);
}

void RingStatistics::submitted(RingIndex ring, int64_t now_ns) {
    if (!exists(ring)) return;
    Ring& own = rings_[ring.value()];
    ++own.submitted;
    own.newest_ns = now_ns;
    counters_.ring[ring.value()].submissions.store(own.submitted, std::memory_order_relaxed);
}

uint64_t RingStatistics::mark(RingIndex ring) {
    if (!exists(ring)) return 0;
    Ring& own = rings_[ring.value()];
    if (own.marked == own.submitted) return own.marked;
    own.marked = own.submitted;
    if (own.marks.size() < kMaxMarks)
        own.marks.push_back({own.submitted, own.newest_ns});
    else
        own.marks.back() = {own.submitted, own.newest_ns};
    return own.marked;
}

void RingStatistics::completed(RingIndex ring, uint64_t submissions, int64_t now_ns) {
    if (!exists(ring)) return;
    auto& marks = rings_[ring.value()].marks;
    for (; !marks.empty() && marks.front().submissions <= submissions; marks.pop_front())
        count(ring, marks.front().submissions, now_ns - marks.front().submitted_ns);
}

void RingStatistics::count(RingIndex ring, uint64_t submissions, int64_t latency_ns) {
    Ring& own = rings_[ring.value()];
    if (submissions <= own.completed) return;
    const uint64_t more = submissions - own.completed;
    own.completed = submissions;
    account::RingCounters& shown = counters_.ring[ring.value()];
    shown.completed.store(submissions, std::memory_order_relaxed);
    const auto latency = static_cast<uint64_t>(std::max<int64_t>(latency_ns, 0));
    shown.latency_ns.fetch_add(latency * more, std::memory_order_relaxed);
    shown.latency[latency_bucket(latency_ns)].fetch_add(more, std::memory_order_relaxed);
}

uint64_t RingStatistics::outstanding(RingIndex ring) const {
    if (!exists(ring)) return 0;
    return rings_[ring.value()].submitted - rings_[ring.value()].completed;
}

uint64_t RingStatistics::outstanding(QueueClass which) const {
    uint64_t sum = 0;
    for (const Ring& ring : rings_)
        if (ring.which == which) sum += ring.submitted - ring.completed;
    return sum;
}

uint64_t RingStatistics::unmarked(RingIndex ring) const {
    if (!exists(ring)) return 0;
    return rings_[ring.value()].submitted - rings_[ring.value()].marked;
}

QueueClass RingStatistics::class_of(RingIndex ring) const {
    return exists(ring) ? rings_[ring.value()].which : QueueClass::kGraphics;
}

}  // namespace viaduct
