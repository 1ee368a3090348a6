// The share of GPU time of one VM, as a token bucket that all its workers draw from.
#pragma once

#include <cstdint>

#include "drm-context/account/layout.h"
#include "drm-context/account/limits.h"

namespace viaduct {

/// Longest time that one submission is held back: whatever the figures say, nothing hangs.
inline constexpr int64_t kMaxHold = 2'000'000'000;  // ns

/// How many submissions to one ring may be under way at once, which are paid for when they are
/// done. `typical_ns`: how long such a job takes; 0: not known.
uint64_t most_unpaid(int64_t typical_ns, const ContextLimits& limits);

/// Takes `busy_ns` of GPU time that was used. It may have been more than there was: that is paid
/// before the next submission, as far as kMaxHold allows. `parts`: the bucket gets one of so many
/// equal parts of the share.
void take_tokens(account::TokenBucket& bucket, uint64_t busy_ns, const ContextLimits& limits,
                 uint32_t parts = 1);

/// How long the next submission should be held back, in nanoseconds; 0: not at all. Adds what has
/// come in since the last call of any worker.
int64_t hold_time(account::TokenBucket& bucket, int64_t now_ns, const ContextLimits& limits,
                  uint32_t parts = 1);

}  // namespace viaduct
