// How long a context may make the VMM wait for its answers.
#pragma once

#include <chrono>

namespace viaduct {

/// One answer may take the whole deadline, so that a context that is busy for once loses nothing.
/// But time waited beyond kFree per call comes out of a store which fills up slowly: a context
/// whose worker hangs cannot hold up the VMM again and again. Not thread-safe.
class Patience {
  public:
    using Clock = std::chrono::steady_clock;
    using milliseconds = std::chrono::milliseconds;

    static constexpr milliseconds kFree{5};  // a worker that is well answers within it
    static constexpr int kRefillShare = 4;   // a quarter of the time that passes

    explicit Patience(milliseconds deadline) : most_(deadline), left_(deadline) {}

    /// How long to wait for an answer at most.
    milliseconds allowance(Clock::time_point now);
    /// A wait began at `start` and is over.
    void spend(Clock::time_point start, Clock::time_point now);

  private:
    const Clock::duration most_;
    Clock::duration left_;
    Clock::time_point refilled_{};
};

}  // namespace viaduct
