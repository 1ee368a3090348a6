#include "base/log_budget.h"

#include <algorithm>
#include <utility>

namespace viaduct {

std::optional<uint64_t> LogBudget::take(Clock::time_point now, LogAsker asker) {
    if (left_ == kMost) filled_ = now;  // a full store gains nothing
    const auto more = static_cast<uint64_t>(std::max<int64_t>(0, (now - filled_) / kPerLine));
    left_ = std::min(kMost, left_ + more);
    filled_ += more * kPerLine;
    if (left_ <= asker.had + (asker.reports ? 0 : kReserve)) {
        ++refused_;
        return std::nullopt;
    }
    --left_;
    return std::exchange(refused_, 0);
}

}  // namespace viaduct
