// How long a context may make the VMM wait for its answers.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace viaduct {

/// One answer may take the whole deadline, so that a context that is busy for once loses nothing.
/// But time waited beyond kFree per call comes out of a store which fills up slowly: a context
/// whose worker hangs cannot hold up the VMM again and again.
///
/// There are two stores. Time that a worker spends in the kernel (a neighbour's hang, an eviction,
/// a GPU that wakes up) is not its fault, and comes out of the second one: afterwards the context
/// has all its patience again. Each store is the deadline at once, and kRefillShare of the time
/// after that: whatever a worker says about itself, the VMM waits for it two deadlines at once, and
/// half of the time. Not thread-safe.
class Patience {
  public:
    using Clock = std::chrono::steady_clock;
    using milliseconds = std::chrono::milliseconds;

    static constexpr milliseconds kFree{5};  // a worker that is well answers within it
    static constexpr int kRefillShare = 4;   // a quarter of the time that passes

    /// Where the worker is while the VMM waits for it.
    enum class Cause { kWorker, kKernel };

    explicit Patience(milliseconds deadline) : most_(deadline), left_{deadline, deadline} {}

    /// How long to wait for an answer at most.
    milliseconds allowance(Clock::time_point now, Cause cause);
    /// A wait began at `start` and is over. What the store of `cause` does not cover comes out of
    /// the other one: the cause may have changed meanwhile.
    void spend(Clock::time_point start, Clock::time_point now, Cause cause);

  private:
    Clock::duration& left(Cause cause) { return left_[static_cast<size_t>(cause)]; }

    const Clock::duration most_;
    std::array<Clock::duration, 2> left_;  // by Cause
    Clock::time_point refilled_{};
};

}  // namespace viaduct
