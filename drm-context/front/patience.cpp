#include "drm-context/front/patience.h"

#include <algorithm>

namespace viaduct {

Patience::milliseconds Patience::allowance(Clock::time_point now, Cause cause) {
    if (refilled_ != Clock::time_point{})
        for (Clock::duration& left : left_)
            left = std::min(most_, left + (now - refilled_) / kRefillShare);
    refilled_ = now;
    return std::chrono::duration_cast<milliseconds>(
        std::min<Clock::duration>(most_, left(cause) + kFree));
}

void Patience::spend(Clock::time_point start, Clock::time_point now, Cause cause) {
    Clock::duration charged = std::max(Clock::duration::zero(), now - start - kFree);
    const Cause other = cause == Cause::kWorker ? Cause::kKernel : Cause::kWorker;
    for (const Cause store : {cause, other}) {
        const Clock::duration taken = std::min(charged, left(store));
        left(store) -= taken;
        charged -= taken;
    }
}

}  // namespace viaduct
