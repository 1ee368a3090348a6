// Entity: a context's queue for one ring.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/mutex.h"
#include "simgpu/engine/engine.h"
#include "simgpu/sync/fence.h"

namespace simgpu::sched {

/// The fences of one job.
struct JobFences {
    drm::FencePtr started;  // the kernel's "scheduled": handed over to the hardware
    drm::FencePtr finished;
};

/// Jobs of one entity that the kernel lets be pending, and whose fences it remembers (Linux: such
/// as amdgpu_sched_jobs).
inline constexpr uint64_t kSchedJobs = 32;

/// The kernel numbers its jobs from 1 and remembers the fences of the last kSchedJobs; older ones
/// are done (Linux: drm_sched_entity, amdgpu_ctx.c). Thread-safe.
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
    /// before it if errors spread, else `own`; 0: none.
    int hand_over(const drm::FencePtr& finished, int own, bool spreads);
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
    int error_locked() const VIADUCT_REQUIRES(mutex_);

    mutable viaduct::Mutex mutex_;
    std::condition_variable changed_;
    uint64_t last_ VIADUCT_GUARDED_BY(mutex_) = 0;
    uint64_t queued_ VIADUCT_GUARDED_BY(mutex_) = 0;
    std::array<JobFences, kSchedJobs> remembered_ VIADUCT_GUARDED_BY(mutex_);
    drm::FencePtr last_scheduled_ VIADUCT_GUARDED_BY(mutex_);
    int last_error_ VIADUCT_GUARDED_BY(mutex_) = 0;  // that it was given when it was handed over
};

}  // namespace simgpu::sched
