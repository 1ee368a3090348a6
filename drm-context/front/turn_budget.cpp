#include "drm-context/front/turn_budget.h"

#include <algorithm>

namespace viaduct {

bool TurnBudget::refill(Clock::time_point now) {
    using Seconds = std::chrono::duration<double>;
    const double more = Seconds(now - refilled_).count() * static_cast<double>(kPerSecond);
    left_ += static_cast<int64_t>(std::clamp(more, 0.0, static_cast<double>(kMost)));
    refilled_ = now;
    return left_ > 0;
}

}  // namespace viaduct
