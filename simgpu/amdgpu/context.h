// Context: a GPU context of one open file, with one queue of work per ring.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "simgpu/drm/fence.h"
#include "simgpu/engine/engine.h"

namespace simgpu::amdgpu {

/// What a job announces to those who wait for it.
struct JobFences {
    drm::FencePtr started;
    drm::FencePtr finished;
};

/// The kernel numbers the jobs of each (context, ring) from 1 and remembers the fences of the
/// last 32 finished ones; older ones count as done (Linux: amdgpu_ctx.c, amdgpu_sched_jobs).
class Entity {
  public:
    uint64_t last_sequence() const { return last_; }
    uint64_t add(const JobFences& fences);
    /// False if no such job was ever submitted. Null fences: done long ago.
    bool find(uint64_t sequence, JobFences* fences) const;

  private:
    uint64_t last_ = 0;
    std::map<uint64_t, JobFences> remembered_;
};

class Context {
  public:
    Context(uint32_t id, int32_t priority, size_t rings)
        : id_(id), priority_(priority), entities_(rings), engines_(rings) {}

    uint32_t id() const { return id_; }
    int32_t priority() const { return priority_; }

    /// Held while a job gets its number and enters its queue, so that both orders agree.
    std::mutex& submission_mutex() { return submission_mutex_; }
    /// With the submission mutex held.
    Entity& entity(size_t ring) { return entities_[ring]; }
    /// False if no such job was ever submitted; `sequence` ~0: the last one.
    bool find_fences(size_t ring, uint64_t sequence, JobFences* fences);

    /// The packet processor that keeps this context's registers; for the ring's thread only.
    std::unique_ptr<Engine>& engine(size_t ring) { return engines_[ring]; }

    /// One of its jobs broke the GPU: all its work is lost, now and later.
    void mark_guilty() { guilty_ = true; }
    bool guilty() const { return guilty_; }
    /// Somebody else's reset took unfinished work of it along.
    void mark_victim() { victim_ = true; }
    bool was_reset() const { return guilty_ || victim_; }
    /// For QUERY_STATE, which tells each reset once.
    bool take_news() { return was_reset() && !told_.exchange(true); }

    std::atomic<uint32_t> stable_pstate = 0;

  private:
    const uint32_t id_;
    const int32_t priority_;
    std::mutex submission_mutex_;
    std::vector<Entity> entities_;
    std::vector<std::unique_ptr<Engine>> engines_;
    std::atomic<bool> guilty_ = false;
    std::atomic<bool> victim_ = false;
    std::atomic<bool> told_ = false;
};
using ContextPtr = std::shared_ptr<Context>;

}  // namespace simgpu::amdgpu
