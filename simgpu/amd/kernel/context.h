// A GPU context as amdgpu has it: one entity per ring number, and what it learns of resets.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "simgpu/sched/context.h"

namespace simgpu::amdgpu {

using sched::Entity;
using sched::JobFences;
using sched::kSchedJobs;

// AMDGPU_CTX_QUERY2_FLAGS_RESET_IN_PROGRESS, which older headers lack.
inline constexpr uint64_t kQueryResetInProgress = 1u << 5;

/// The device's counters when a context is made, by which it learns of resets.
struct ResetCounts {
    uint32_t resets = 0;
    uint32_t vram_losses = 0;  // the upper half of the kernel's amdgpu_vm_generation()
};

class Context : public sched::Context {
  public:
    Context(uint32_t id, int32_t priority, size_t entities, ResetCounts counts)
        : sched::Context(id, priority, entities), counts_(counts), queried_resets_(counts.resets) {}

    const ResetCounts& created_at() const { return counts_; }
    /// For QUERY_STATE: true once after each change of the device's counter.
    bool take_news(uint32_t resets) { return queried_resets_.exchange(resets) != resets; }

  private:
    const ResetCounts counts_;
    std::atomic<uint32_t> queried_resets_;
};
using ContextPtr = std::shared_ptr<Context>;

}  // namespace simgpu::amdgpu
