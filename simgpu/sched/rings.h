// Rings: what one open file sends to all rings of its chip.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simgpu/sched/ring.h"

namespace simgpu::sched {

/// In the order of their descriptions' `index`. Thread-safe.
class Rings {
  public:
    Rings(const std::vector<RingDescription>& descriptions,
          std::shared_ptr<shared::SharedDevice> device);

    Ring& operator[](size_t index) { return *rings_[index]; }
    /// The ring that the next job of an entity goes to, of `count` equal ones from `first` on; with
    /// the context's submission mutex held.
    Ring& choose(Entity& entity, size_t first, size_t count);

    /// Wait until all jobs have been handed over, or have finished; false at the deadline.
    bool wait_handed_over(Ring::Clock::time_point deadline) const;
    bool wait_finished(Ring::Clock::time_point deadline) const;
    /// No job will be submitted any more.
    void close() const;

    /// "drm-engine-gfx:\t12 ns\n...", a line per kind that has been busy
    /// (Linux: Documentation/gpu/drm-usage-stats.rst).
    std::string busy_lines() const;

  private:
    const std::shared_ptr<shared::SharedDevice> device_;
    std::vector<std::string_view> kinds_;
    std::vector<std::shared_ptr<Ring>> rings_;
};

}  // namespace simgpu::sched
