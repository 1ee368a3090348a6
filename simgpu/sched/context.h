// Context: a GPU context of one open file, with the queues of its work.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "simgpu/sched/entity.h"

namespace simgpu::sched {

/// Thread-safe, but for what says otherwise. Drivers derive from it what else theirs have.
class Context {
  public:
    Context(uint32_t id, int32_t priority, size_t entities)
        : id_(id), priority_(priority), entities_(entities) {}

    uint32_t id() const { return id_; }
    int32_t priority() const { return priority_; }

    /// Held while a job gets its number and enters its queue, so that both orders agree.
    std::mutex& submission_mutex() { return submission_mutex_; }
    Entity& entity(size_t index) { return entities_[index]; }
    std::vector<Entity>& entities() { return entities_; }

    /// A full reset was made for one of its jobs (Linux: drm_sched_increase_karma()).
    void mark_guilty() { guilty_ = true; }
    bool guilty() const { return guilty_; }

  private:
    const uint32_t id_;
    const int32_t priority_;
    std::mutex submission_mutex_;
    std::vector<Entity> entities_;
    std::atomic<bool> guilty_ = false;
};
using ContextPtr = std::shared_ptr<Context>;

}  // namespace simgpu::sched
