// BriefWait: whether it pays to look for an answer in shared memory before one sleeps for it.
#pragma once

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace viaduct {

/// Another side that has a processor answers before one who asks to be woken would be asleep, and
/// it need not wake anybody. One that has none is soon looked at no more: after each wait in vain
/// twice as many are left out.
///
/// Threads: any; they share what was learned.
class BriefWait {
  public:
    /// Several times the round trip between guest and host, if neither is busy.
    static constexpr int64_t kLongest = 100'000;  // ns

    /// Whether to try at all, this time.
    bool is_promising() {
        const uint32_t left = left_out_.load(std::memory_order_relaxed);
        if (left == 0) return true;
        left_out_.store(left - 1, std::memory_order_relaxed);
        return false;
    }
    /// Looks until `arrived()`; false: not in time. A look may be slow by itself, as at memory for
    /// which a hypervisor stops its guest: there is one at least, and at most one that ends late.
    template <typename Arrived, typename Now>
    bool wait(Arrived arrived, Now now) {
        const int64_t end = now() + kLongest;
        bool here = arrived();
        while (!here && now() < end) {
            step_aside();
            here = arrived();
        }
        note(here);
        return here;
    }
    template <typename Arrived>
    bool wait(Arrived arrived) {
        return wait(arrived, monotonic_ns);
    }

  private:
    static constexpr uint32_t kMostLeftOut = 255;

    /// For whoever answers, if that is on this processor.
    static void step_aside() { ::sched_yield(); }
    void note(bool arrived) {
        uint32_t penalty = 0;
        if (!arrived)
            penalty = std::min(2 * penalty_.load(std::memory_order_relaxed) + 1, kMostLeftOut);
        penalty_.store(penalty, std::memory_order_relaxed);
        left_out_.store(penalty, std::memory_order_relaxed);
    }

    std::atomic<uint32_t> penalty_ = 0;
    std::atomic<uint32_t> left_out_ = 0;
};

}  // namespace viaduct
