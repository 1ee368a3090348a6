// How many submissions of one context are under way, and how long they take.
#pragma once

#include <array>
#include <cstdint>
#include <deque>

#include "base/ids.h"
#include "drm-context/account/layout.h"

namespace viaduct {

/// Follows submissions from the kernel's acceptance to the end of their work, as far as it is
/// observed: at marks, each of which covers all that was submitted to a ring before. Rings are
/// numbered as the protocol does; numbers beyond it are ignored. Used by one thread.
class RingStatistics {
  public:
    explicit RingStatistics(account::ContextCounters& counters) : counters_(counters) {}

    /// Says what a ring is, for readers.
    void describe(RingIndex ring, QueueClass which, uint32_t index);
    void submitted(RingIndex ring, int64_t now_ns);
    /// Marks all that was submitted so far: its number goes to completed() when it is done.
    uint64_t mark(RingIndex ring);
    /// The first `submissions` of the ring are done.
    void completed(RingIndex ring, uint64_t submissions, int64_t now_ns);

    /// Submissions until now.
    uint64_t submissions(RingIndex ring) const {
        return exists(ring) ? rings_[ring.value()].submitted : 0;
    }
    /// Submissions that are not known to be done.
    uint64_t outstanding(RingIndex ring) const;
    /// The same for all rings of a class.
    uint64_t outstanding(QueueClass which) const;
    /// Submissions that no mark covers.
    uint64_t unmarked(RingIndex ring) const;
    QueueClass class_of(RingIndex ring) const;

  private:
    struct Mark {
        uint64_t submissions;  // made before it
        int64_t submitted_ns;  // the newest of them
    };
    struct Ring {
        QueueClass which = QueueClass::kGraphics;
        uint64_t submitted = 0;
        uint64_t completed = 0;
        uint64_t marked = 0;
        int64_t newest_ns = 0;
        std::deque<Mark> marks;
    };

    static bool exists(RingIndex ring) { return ring.value() < account::kMaxRings; }
    void count(RingIndex ring, uint64_t submissions, int64_t latency_ns);

    account::ContextCounters& counters_;
    std::array<Ring, account::kMaxRings> rings_;
};

/// Which of the latency buckets counts `ns`.
uint32_t latency_bucket(int64_t ns);

}  // namespace viaduct
