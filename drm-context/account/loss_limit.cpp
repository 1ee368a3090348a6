#include "drm-context/account/loss_limit.h"

#include <algorithm>

namespace viaduct {

Status LossLimit::admit(uint64_t losses, Clock::time_point now) {
    if (per_minute_ == 0) return {};
    constexpr Clock::duration kMost = std::chrono::minutes(1);
    const Clock::duration cost = kMost / per_minute_;
    const LockGuard lock(mutex_);
    if (filled_ != Clock::time_point{}) left_ = std::min(kMost, left_ + (now - filled_));
    filled_ = now;
    // No debts: if all contexts go at once, with their zygote, the next ones are not to blame.
    const uint64_t lost = std::min<uint64_t>(losses - seen_, per_minute_);
    left_ = std::max(Clock::duration::zero(), left_ - cost * static_cast<int64_t>(lost));
    seen_ = losses;
    if (left_ >= cost) return {};
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(cost - left_).count();
    return fail(ENOMEM,
                "the VM lost {} contexts; at most {} per minute are allowed. The next one can be "
                "created in {} ms",
                losses, per_minute_, wait);
}

}  // namespace viaduct
