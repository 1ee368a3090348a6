#include "drm-context/i915/priority.h"

#include <algorithm>
#include <iterator>

#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

namespace {

// By PriorityCeiling: Mesa's low, medium, high and realtime (src/intel/common: INTEL_CONTEXT_*).
constexpr int64_t kCeilings[] = {
    (I915_CONTEXT_MIN_USER_PRIORITY - 1) / 2, I915_CONTEXT_DEFAULT_PRIORITY,
    (I915_CONTEXT_MAX_USER_PRIORITY + 1) / 2, I915_CONTEXT_MAX_USER_PRIORITY};

}  // namespace

Result<uint64_t> permitted_priority(uint64_t wanted, PriorityCeiling ceiling) {
    const auto priority = static_cast<int64_t>(wanted);
    const int64_t highest = kCeilings[static_cast<size_t>(ceiling)];
    if (priority > I915_CONTEXT_DEFAULT_PRIORITY && priority > highest)
        return fail(EPERM, "priority {} is above {}, the highest this VM may have", priority,
                    highest);
    if (priority > I915_CONTEXT_DEFAULT_PRIORITY) return wanted;
    return static_cast<uint64_t>(std::min(priority, highest));
}

}  // namespace viaduct::i915
