// HeadStats: how one head's frames have fared.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "display/viewer/update_hold.h"
#include "display/wayland/presenter.h"

namespace viaduct::viewer {

/// Times are in ns of CLOCK_MONOTONIC.
class HeadStats {
  public:
    /// An update of QEMU's became frame `number`.
    void update(uint64_t number, int64_t now);
    void shown(uint64_t number, const wayland::ShownFrame& when);
    void dropped(uint64_t number);
    /// A description was refused.
    void refused(std::string why) {
        ++refused_;
        why_refused_ = std::move(why);
    }

    uint64_t updates() const { return updates_; }
    uint64_t refusals() const { return refused_; }
    /// Refreshes that showed the picture before once more, while the guest was drawing.
    uint64_t repeats() const { return repeats_; }

    /// One line of what came since the last call, with the totals where those matter.
    /// `why_unshown`: why the presenter refused its last frame.
    std::string line(const wayland::PresenterCounts& presenter, const std::string& why_unshown,
                     const UpdateHold::Counts& hold, uint64_t copied_here);

  private:
    /// Of one interval; zeroed by line().
    struct Latency {
        uint64_t count = 0;
        int64_t sum = 0;
        int64_t longest = 0;
    };

    uint64_t updates_ = 0;
    uint64_t refused_ = 0;
    std::string why_refused_;  // the last one
    uint64_t repeats_ = 0;
    std::map<uint64_t, int64_t> under_way_;  // when they came
    uint64_t last_shown_ = 0;                // when
    Latency latency_;
    // At the last call of line()
    uint64_t updates_before_ = 0;
    uint64_t repeats_before_ = 0;
    wayland::PresenterCounts presenter_before_;
    UpdateHold::Counts hold_before_;
};

}  // namespace viaduct::viewer
