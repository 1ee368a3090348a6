#include "drm-context/account/token_bucket.h"

#include <algorithm>

namespace viaduct {

namespace {

// As many jobs as sit on a hardware ring (amdgpu_sched_hw_submission) keep it busy, and the
// kernel's count means something then (account/execution_estimate.h).
constexpr uint64_t kKeepRingBusy = 2;
// More only if they are so short that the ring would run dry before the worker hears of their end.
constexpr uint64_t kMostUnpaid = 16;
constexpr int64_t kUnpaidTime = 2'000'000;  // ns of typical jobs

/// A bucket's rate: per cent of the time, divided into equal parts.
struct Inflow {
    int64_t percent, parts;
    int64_t burst;  // ns of GPU time that it holds at most

    Inflow(const ContextLimits& limits, uint32_t parts)
        : percent(limits.gpu_share),
          parts(parts),
          burst(static_cast<int64_t>(std::min<uint64_t>(limits.gpu_burst_ns, kMaxHold)) / parts) {}
    int64_t in(int64_t time) const { return time * percent / (100 * parts); }
    // Rounded up: after so much time they are there.
    int64_t time_for(int64_t tokens) const {
        return (tokens * 100 * parts + percent - 1) / percent;
    }
    // A larger debt is forgiven: paying it would hold a submission longer than kMaxHold.
    int64_t deepest_debt() const { return -in(kMaxHold); }
};

void change_tokens(account::TokenBucket& bucket, int64_t by, const Inflow& inflow) {
    int64_t now = bucket.tokens.load();
    int64_t next = 0;
    do {
        // First into the bounds: the memory may hold any value.
        const int64_t bounded = std::clamp(now, inflow.deepest_debt(), inflow.burst);
        next = std::clamp(bounded + by, inflow.deepest_debt(), inflow.burst);
    } while (!bucket.tokens.compare_exchange_weak(now, next));
}

void refill(account::TokenBucket& bucket, int64_t now_ns, const Inflow& inflow) {
    int64_t before = bucket.refilled_ns.load();
    // The thread that advances the time adds the tokens for it.
    do {
        if (before >= now_ns && before - now_ns < kMaxHold) return;
    } while (!bucket.refilled_ns.compare_exchange_weak(before, now_ns));
    constexpr int64_t kLongest = kMaxHold * 100;  // fills any bucket, and overflows nothing
    const bool first = before <= 0 || before > now_ns;
    change_tokens(bucket, inflow.in(first ? kLongest : std::min(now_ns - before, kLongest)),
                  inflow);
}

}  // namespace

// Two that are longer than what may be owed would not be paid whole.
uint64_t most_unpaid(int64_t typical_ns, const ContextLimits& limits) {
    if (typical_ns <= 0) return kKeepRingBusy;
    if (typical_ns > -Inflow(limits, 1).deepest_debt() / static_cast<int64_t>(kKeepRingBusy))
        return 1;
    return std::clamp(static_cast<uint64_t>(kUnpaidTime / typical_ns), kKeepRingBusy, kMostUnpaid);
}

void take_tokens(account::TokenBucket& bucket, uint64_t busy_ns, const ContextLimits& limits,
                 uint32_t parts) {
    if (!limits.limits_gpu_time()) return;
    change_tokens(bucket, -static_cast<int64_t>(std::min<uint64_t>(busy_ns, kMaxHold * 2)),
                  {limits, parts});
}

int64_t hold_time(account::TokenBucket& bucket, int64_t now_ns, const ContextLimits& limits,
                  uint32_t parts) {
    if (!limits.limits_gpu_time()) return 0;
    const Inflow inflow(limits, parts);
    refill(bucket, now_ns, inflow);
    const int64_t tokens = bucket.tokens.load();
    if (tokens > 0) return 0;
    return std::min(inflow.time_for(1 - std::max(tokens, -kMaxHold)), kMaxHold);
}

}  // namespace viaduct
