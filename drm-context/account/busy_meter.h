// BusyMeter: books how long a context kept the GPU busy.
#pragma once

#include <cstdint>

#include "drm-context/account/context_account.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// Asking the kernel costs ten microseconds to a millisecond: it is asked once per interval at
/// most, which is short only where the VM has a share of GPU time. Used by one thread.
class BusyMeter {
  public:
    BusyMeter(Device& device, ContextAccount& account) : device_(device), account_(account) {}

    /// Work has been done or begun: measures now, or asks to be called again at due().
    void note_work(int64_t now_ns);
    /// When measure_if_due() wants to be called; INT64_MAX: not at all.
    int64_t due() const { return stale_ ? next_ns_ : INT64_MAX; }
    void measure_if_due(int64_t now_ns);
    void measure(int64_t now_ns);

  private:
    Device& device_;
    ContextAccount& account_;
    BusyTimes last_{};
    int64_t next_ns_ = 0;
    bool stale_ = false;
};

}  // namespace viaduct
