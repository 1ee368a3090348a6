// The fences of one open file that the device has not yet signalled.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>

#include "simgpu/sync/fence.h"

namespace viaduct::loopback {

/// Thread-safe.
class GuestFences {
  public:
    struct NewFence {
        uint64_t token = 0;
        simgpu::drm::FencePtr fence;
    };

    /// A fence on `ring`, behind all earlier ones there.
    NewFence add(uint32_t ring);
    /// Signals every fence of `ring` up to `token`.
    void signal_through(uint32_t ring, uint64_t token);
    /// Signals what is left: the device has gone.
    void signal_all(int status);
    /// True if `fence` is one of `ring`'s own, still pending.
    bool is_on_ring(uint32_t ring, const simgpu::drm::FencePtr& fence) const;

  private:
    mutable std::mutex mutex_;
    uint64_t next_token_ = 1;
    bool device_gone_ = false;
    std::map<uint32_t, std::deque<NewFence>> rings_;
};

}  // namespace viaduct::loopback
