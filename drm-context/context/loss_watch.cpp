#include "drm-context/context/loss_watch.h"

#include "base/log.h"

namespace viaduct {

bool LossWatch::destroyed(uint32_t id) {
    if (contexts_.erase(id) == 0) return false;
    report_.clear(id);
    return true;
}

bool LossWatch::is_lost(uint32_t id) const {
    const auto found = contexts_.find(id);
    return found != contexts_.end() && found->second.lost;
}

void LossWatch::found(uint32_t id, Finding finding) {
    const auto context = contexts_.find(id);
    if (context == contexts_.end() || finding == Finding::kWell) return;
    State& state = context->second;
    if (finding == Finding::kOthersReset) {
        if (!state.lost && !state.saw_others_reset) ++counters_.other_resets;
        state.saw_others_reset = true;
        return;
    }
    if (state.lost) return;
    state.lost = true;
    ++counters_.resets;
    log_guest(LogLevel::kWarning, "{}: the GPU was reset, its context {} is lost{}", name_, id,
              finding == Finding::kGuilty ? " (its own work hung)" : "");
    report_.count();
    report_.mark(id);
}

}  // namespace viaduct
