// Reports to a guest that its context is lost, when its worker can no longer do so.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "blob/mapping.h"
#include "drm-context/driver/traits.h"

namespace viaduct {

/// The front's own view of the head of a control buffer: write-only, except two counters. Not
/// thread-safe.
class LossNotice {
  public:
    /// Maps the driver's fixed part of a control buffer.
    Status attach(int control_buffer, const DriverTraits& traits);
    bool attached() const { return head_.valid(); }
    /// Marks every GPU context as lost where the driver has a field for that, and publishes a
    /// sequence number that lies beyond every command that any guest can still wait for: no waiter
    /// spins. Again when a worker in its last throes may have written since. Nothing without a
    /// control buffer.
    void post();

  private:
    void mark_lost();

    Mapping head_;
    LossField loss_;
    std::optional<uint32_t> published_;
};

}  // namespace viaduct
