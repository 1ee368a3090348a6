// LossWatch: which of a guest's GPU contexts are lost.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "drm-context/account/layout.h"
#include "drm-context/context/loss_report.h"

namespace viaduct {

/// Follows what a kernel loses as one (a GPU context, an exec queue) by its id there. A loss is
/// counted, logged and reported to the guest once, however often it is seen. Used by one thread.
class LossWatch {
  public:
    /// A driver's findings about one.
    enum class Finding {
        kWell,
        kOthersReset,  // the GPU was reset, which cost this one nothing
        kLost,
        kGuilty,  // lost, and its own work was the cause
    };

    /// All are borrowed. `name`: of the guest's context, for the log.
    LossWatch(LossReport& report, account::ContextCounters& counters, const std::string& name)
        : report_(report), counters_(counters), name_(name) {}

    void created(uint32_t id) { contexts_.insert_or_assign(id, State()); }
    /// False if there was none of this id.
    bool destroyed(uint32_t id);
    bool exists(uint32_t id) const { return contexts_.contains(id); }
    bool is_lost(uint32_t id) const;

    /// An id that does not exist, or is lost already, is ignored.
    void found(uint32_t id, Finding finding);
    /// Calls `look(id)`, which returns a Finding, for each that is not lost.
    template <typename Look>
    void check(Look look) {
        for (const auto& [id, state] : contexts_)
            if (!state.lost) found(id, look(id));
    }

  private:
    struct State {
        bool lost = false;
        bool saw_others_reset = false;  // counted, once: kernels may never clear the flag
    };

    LossReport& report_;
    account::ContextCounters& counters_;
    const std::string& name_;
    std::map<uint32_t, State> contexts_;
};

}  // namespace viaduct
