// LossLimit: how many contexts a VM may lose before it gets new ones only now and then.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/mutex.h"
#include "base/result.h"

namespace viaduct {

/// Each lost context is a process that the host starts and buries, and a guess for a guest that
/// looks for a way into one. A VM may lose a minute's worth at once, and as many per minute after
/// that. Thread-safe.
class LossLimit {
  public:
    using Clock = std::chrono::steady_clock;

    /// 0: no limit.
    explicit LossLimit(uint32_t per_minute) : per_minute_(per_minute) {}

    /// Whether there may be a new context, of a VM that has lost `losses` so far. ENOMEM: not yet;
    /// the message says when.
    Status admit(uint64_t losses, Clock::time_point now);

  private:
    const uint32_t per_minute_;
    Mutex mutex_;
    uint64_t seen_ VIADUCT_GUARDED_BY(mutex_) = 0;
    Clock::duration left_ VIADUCT_GUARDED_BY(mutex_) =
        std::chrono::minutes(1);  // each loss costs its share of a minute
    Clock::time_point filled_ VIADUCT_GUARDED_BY(mutex_){};
};

}  // namespace viaduct
