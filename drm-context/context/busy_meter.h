// BusyMeter: books how long a context kept the GPU busy.
#pragma once

#include <array>
#include <cstdint>

#include "drm-context/account/context_account.h"
#include "drm-context/account/execution_estimate.h"
#include "drm-context/account/ring_statistics.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// Asking the kernel costs ten microseconds to a millisecond: it is asked once per interval at
/// most, which is short only where the VM has a share of GPU time. Used by one thread.
class BusyMeter {
  public:
    BusyMeter(Device& device, ContextAccount& account, const RingStatistics& rings)
        : device_(device), account_(account), rings_(rings) {}

    /// A job is done: to be paid from the VM's share at the next measurement. `job.previous_ns` is
    /// filled in here.
    void add_job(ExecutionEstimate::Job job);
    /// Average GPU time of the class's last jobs; 0: not known.
    int64_t typical_ns(QueueClass which) const { return estimate(which).typical_ns(); }

    /// Work has been done or begun: measures now, or asks to be called again at due().
    void note_work(int64_t now_ns);
    /// When measure_if_due() wants to be called; INT64_MAX: not at all.
    int64_t due() const { return stale_ ? next_ns_ : INT64_MAX; }
    void measure_if_due(int64_t now_ns);
    void measure(int64_t now_ns);

  private:
    const ExecutionEstimate& estimate(QueueClass which) const {
        return estimates_[static_cast<size_t>(which)];
    }

    Device& device_;
    ContextAccount& account_;
    const RingStatistics& rings_;
    std::array<ExecutionEstimate, kQueueClasses> estimates_;
    BusyTimes last_{};
    int64_t next_ns_ = 0;
    bool stale_ = false;
};

}  // namespace viaduct
