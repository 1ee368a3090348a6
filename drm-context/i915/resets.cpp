// Hangs: finds the GEM contexts that are banned for one.
//
// The kernel resets the engine of a hung job, and bans the job's context at the first hang if it
// cannot recover, which is how Mesa makes its contexts (Linux: intel_reset.c, mark_guilty()).
// Others that hang three times within two minutes are banned as well: that shows at the next
// submission.
#include "drm-context/i915/i915_context.h"
#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

void I915Context::check_for_reset() {
    watch().check([this](uint32_t id) {
        drm_i915_reset_stats stats{};
        stats.ctx_id = id;
        if (device().ioctl(DRM_IOCTL_I915_GET_RESET_STATS, &stats) < 0)
            return LossWatch::Finding::kWell;
        if (stats.batch_active != 0 && !gem_contexts_.at(id).recoverable)
            return LossWatch::Finding::kGuilty;
        return stats.batch_pending != 0 ? LossWatch::Finding::kOthersReset
                                        : LossWatch::Finding::kWell;
    });
}

}  // namespace viaduct::i915
