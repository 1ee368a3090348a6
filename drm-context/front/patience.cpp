#include "drm-context/front/patience.h"

#include <algorithm>

namespace viaduct {

Patience::milliseconds Patience::allowance(Clock::time_point now) {
    if (refilled_ != Clock::time_point{})
        left_ = std::min(most_, left_ + (now - refilled_) / kRefillShare);
    refilled_ = now;
    return std::chrono::duration_cast<milliseconds>(
        std::min<Clock::duration>(most_, left_ + kFree));
}

void Patience::spend(Clock::time_point start, Clock::time_point now) {
    const auto charged = now - start - kFree;
    if (charged > Clock::duration::zero())
        left_ = std::max(Clock::duration::zero(), left_ - charged);
}

}  // namespace viaduct
