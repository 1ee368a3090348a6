// TurnBudget: how many turns of the fence thread a worker may cause.
#pragma once

#include <chrono>
#include <cstdint>

namespace viaduct {

/// Turns that bring news are free, and so are the few more that an event may cause: it may be
/// signalled again after a turn has seen it. Of others so many per second are. A worker that a
/// guest has taken over cannot keep the thread, which all contexts of the VM share, busy with
/// nothing. Used by one thread.
class TurnBudget {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr int64_t kMost = 4000;       // idle turns at once
    static constexpr int64_t kPerSecond = 1000;  // and after that
    /// Turns per event, whenever they come: a guest that makes thousands of calls at once has their
    /// ends signalled one by one.
    static constexpr int64_t kPerEvent = 4;

    /// A turn that brought `events` pieces of news and costs as much as `cost` idle ones. False:
    /// there have been too many.
    bool take(uint64_t events, uint64_t cost) { return take(events, cost, Clock::now); }
    /// The same; `now` is called only if it matters.
    template <typename Now>
    bool take(uint64_t events, uint64_t cost, Now now) {
        left_ += static_cast<int64_t>(events) * kPerEvent - static_cast<int64_t>(cost);
        return left_ > 0 || refill(now());
    }

  private:
    bool refill(Clock::time_point now);

    int64_t left_ = kMost;
    Clock::time_point refilled_ = Clock::now();
};

}  // namespace viaduct
