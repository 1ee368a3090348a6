// How a guest learns that its context is lost when nobody is left to execute it.
#pragma once

#include <cstdint>
#include <optional>

#include "blob/mapping.h"
#include "blob/result.h"
#include "drm-context/driver/traits.h"

namespace viaduct {

/// The front's own view of the head of a control buffer: write-only, but for two counters. Not
/// thread-safe.
class LossNotice {
  public:
    /// Maps the driver's fixed part of a control buffer.
    Status attach(int control_buffer, const DriverTraits& traits);
    bool attached() const { return head_.valid(); }
    /// Raises async_error, and publishes a sequence number that lies beyond every command that any
    /// guest can still wait for: no waiter spins. Again when a worker in its last throes may have
    /// written since. Nothing without a control buffer.
    void post();

  private:
    Mapping head_;
    uint32_t async_error_offset_ = 0;
    std::optional<uint32_t> published_;
};

}  // namespace viaduct
