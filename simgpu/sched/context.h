// Context: a GPU context of one open file, with the queues of its work.
#pragma once

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "simgpu/sched/entity.h"

namespace simgpu::sched {

/// Thread-safe, unless noted otherwise. Drivers derive from it to add their own state.
class Context {
  public:
    Context(uint32_t id, int32_t priority, size_t entities)
        : id_(id), priority_(priority), entities_(entities) {}
    virtual ~Context() = default;

    uint32_t id() const { return id_; }
    int32_t priority() const { return priority_; }
    /// Of jobs that are handed over from now on.
    void set_priority(int32_t priority) { priority_ = priority; }

    /// Held while a job gets its number and enters its queue, so that both orders agree.
    std::mutex& submission_mutex() { return submission_mutex_; }
    Entity& entity(size_t index) { return entities_[index]; }
    std::vector<Entity>& entities() { return entities_; }

    /// A full reset was made for one of its jobs (Linux: drm_sched_increase_karma()).
    void mark_guilty() { guilty_ = true; }
    bool guilty() const { return guilty_; }

    /// The error that a job of `entity` ends with instead of executing; 0: it may execute. Called
    /// when the job is handed over, with the ring's lock held.
    virtual int refusal(const Entity& entity) const {
        (void)entity;
        return guilty() ? -ECANCELED : 0;
    }
    /// A job of `entity` has hung or faulted, and its ring is about to recover. `full`: the whole
    /// device. Called on the ring's thread, before the job's fence signals.
    virtual void job_failed(const Entity& entity, bool full) {
        (void)entity;
        // Only a full reset asks whose fault it was: amdgpu_device_pre_asic_reset().
        if (full) mark_guilty();
    }
    /// A job of `entity` was lost to a recovery from another one; likewise.
    virtual void job_lost(const Entity& entity) { (void)entity; }

  private:
    const uint32_t id_;
    std::atomic<int32_t> priority_;
    std::mutex submission_mutex_;
    std::vector<Entity> entities_;
    std::atomic<bool> guilty_ = false;
};
using ContextPtr = std::shared_ptr<Context>;

}  // namespace simgpu::sched
