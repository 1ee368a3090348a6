// Context: a GPU context of one open file, with one queue of work (an entity) per ring number.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "simgpu/engine/engine.h"
#include "simgpu/sync/fence.h"

namespace simgpu::amdgpu {

// AMDGPU_CTX_QUERY2_FLAGS_RESET_IN_PROGRESS, which older headers lack.
inline constexpr uint64_t kQueryResetInProgress = 1u << 5;

/// The fences of one job.
struct JobFences {
    drm::FencePtr started;  // the kernel's "scheduled": handed over to the hardware
    drm::FencePtr finished;
};

/// Jobs of one (context, ring number) that the kernel lets be pending, and whose fences it
/// remembers (Linux: amdgpu_sched_jobs).
inline constexpr uint64_t kSchedJobs = 32;

/// The queue of one (context, ring number). The kernel numbers its jobs from 1 and remembers the
/// fences of the last kSchedJobs; older ones are done (Linux: amdgpu_ctx.c). Thread-safe.
class Entity {
  public:
    uint64_t last_sequence() const;
    uint64_t add(const JobFences& fences);
    /// False if no such job was ever submitted; `sequence` ~0: the last one. Null fences: done
    /// long ago.
    bool find(uint64_t sequence, JobFences* fences) const;
    /// The job whose place in the memory of fences the next one takes; null while there is room
    /// (Linux: amdgpu_ctx_wait_prev_fence()).
    drm::FencePtr previous() const;

    /// A job enters the queue.
    void push();
    /// A job is handed over. The error that it must end with instead of executing: that of the job
    /// before it, else `own`; 0: none.
    int hand_over(const drm::FencePtr& finished, int own);
    /// The error of the job that was handed over last (Linux: drm_sched_entity_error()).
    int error() const;

    /// All jobs have finished.
    bool idle() const;
    /// Waits until all jobs have been handed over.
    void wait_handed_over();

    /// The hardware ring of its last job; guarded by the context's submission mutex.
    std::optional<size_t> ring;
    /// The packet processor that keeps the registers; for the ring's thread only.
    std::unique_ptr<Engine> engine;

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    uint64_t last_ = 0;
    uint64_t queued_ = 0;
    std::array<JobFences, kSchedJobs> remembered_;
    int error_locked() const;

    drm::FencePtr last_scheduled_;
    int last_error_ = 0;  // that it was given when it was handed over
};

/// The device's counters when a context is made, by which it learns of resets.
struct ResetCounts {
    uint32_t resets = 0;
    uint32_t vram_losses = 0;  // the upper half of the kernel's amdgpu_vm_generation()
};

/// Thread-safe, but for what says otherwise.
class Context {
  public:
    Context(uint32_t id, int32_t priority, size_t entities, ResetCounts counts)
        : id_(id), priority_(priority), counts_(counts), entities_(entities) {
        queried_resets_ = counts.resets;
    }

    uint32_t id() const { return id_; }
    int32_t priority() const { return priority_; }
    const ResetCounts& created_at() const { return counts_; }

    /// Held while a job gets its number and enters its queue, so that both orders agree.
    std::mutex& submission_mutex() { return submission_mutex_; }
    Entity& entity(size_t index) { return entities_[index]; }
    std::vector<Entity>& entities() { return entities_; }

    /// A full reset was made for one of its jobs (Linux: drm_sched_increase_karma()).
    void mark_guilty() { guilty_ = true; }
    bool guilty() const { return guilty_; }
    /// For QUERY_STATE: true once after each change of the device's counter.
    bool take_news(uint32_t resets) { return queried_resets_.exchange(resets) != resets; }

  private:
    const uint32_t id_;
    const int32_t priority_;
    const ResetCounts counts_;
    std::mutex submission_mutex_;
    std::vector<Entity> entities_;
    std::atomic<bool> guilty_ = false;
    std::atomic<uint32_t> queried_resets_ = 0;
};
using ContextPtr = std::shared_ptr<Context>;

}  // namespace simgpu::amdgpu
