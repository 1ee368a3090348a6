#include "drm-context/account/token_bucket.h"

#include <algorithm>

namespace viaduct {

namespace {

int64_t burst_of(const ContextLimits& limits) {
    return static_cast<int64_t>(std::min<uint64_t>(limits.gpu_burst_ns, kMaxHold));
}

// What is owed beyond this is forgiven: paying it would hold a submission longer than kMaxHold.
int64_t deepest_debt(const ContextLimits& limits) {
    return -kMaxHold / 100 * limits.gpu_share;
}

void change_tokens(account::TokenBucket& bucket, int64_t by, const ContextLimits& limits) {
    int64_t now = bucket.tokens.load();
    int64_t next = 0;
    do {
        // First into the bounds: the memory may hold any value.
        const int64_t bounded = std::clamp(now, deepest_debt(limits), burst_of(limits));
        next = std::clamp(bounded + by, deepest_debt(limits), burst_of(limits));
    } while (!bucket.tokens.compare_exchange_weak(now, next));
}

void refill(account::TokenBucket& bucket, int64_t now_ns, const ContextLimits& limits) {
    int64_t before = bucket.refilled_ns.load();
    // Whoever moves the time on brings the tokens for it.
    do {
        if (before >= now_ns && before - now_ns < kMaxHold) return;
    } while (!bucket.refilled_ns.compare_exchange_weak(before, now_ns));
    constexpr int64_t kLongest = kMaxHold * 100;  // fills any bucket, and overflows nothing
    const bool first = before <= 0 || before > now_ns;
    const int64_t elapsed = first ? kLongest : std::min(now_ns - before, kLongest);
    change_tokens(bucket, elapsed / 100 * limits.gpu_share, limits);
}

}  // namespace

void take_tokens(account::TokenBucket& bucket, uint64_t busy_ns, const ContextLimits& limits) {
    if (!limits.limits_gpu_time()) return;
    change_tokens(bucket, -static_cast<int64_t>(std::min<uint64_t>(busy_ns, kMaxHold * 2)), limits);
}

int64_t hold_time(account::TokenBucket& bucket, int64_t now_ns, const ContextLimits& limits) {
    if (!limits.limits_gpu_time()) return 0;
    refill(bucket, now_ns, limits);
    const int64_t tokens = bucket.tokens.load();
    if (tokens > 0) return 0;
    return std::min(-std::max(tokens, -kMaxHold) * 100 / limits.gpu_share + 1, kMaxHold);
}

}  // namespace viaduct
