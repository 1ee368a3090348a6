// ExecQueue: a queue of jobs for one engine, or of binds.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "simgpu/intel/kernel/xe/vm.h"
#include "simgpu/sched/context.h"

namespace simgpu::intel::xe {

/// A queue loses all that it has as one: its first failed job bans it (Linux: xe_guc_submit.c).
/// Thread-safe.
class ExecQueue final : public sched::Context {
  public:
    struct Shape {
        VmPtr vm;
        bool binds = false;    // of class VM_BIND: it has no engine
        size_t ring = 0;       // else the index of its engine
        int32_t priority = 0;  // uapi::xe::kPriority*
    };
    ExecQueue(uint32_t id, Shape shape)
        : Context(id, shape.priority, shape.binds ? 0 : 1), shape_(std::move(shape)) {}

    Vm& vm() const { return *shape_.vm; }
    const VmPtr& shared_vm() const { return shape_.vm; }
    bool binds() const { return shape_.binds; }
    size_t ring() const { return shape_.ring; }

    /// Linux: xe_exec_queue_ops.reset_status().
    bool banned() const { return banned_; }
    void ban() { banned_ = true; }

    /// Counts unfinished jobs; shared with their fences.
    const std::shared_ptr<std::atomic<uint32_t>>& jobs() const { return jobs_; }
    /// With the VM's lock held, of a queue of binds.
    BindQueue& bind_queue() { return bind_queue_; }
    /// The fence of its newest job, with submission_mutex() held; null: it had none.
    drm::FencePtr last;

    // sched::Context
    int refusal(const sched::Entity&) const override {
        return banned_ || shape_.vm->closed() ? -ECANCELED : 0;
    }
    void job_failed(const sched::Entity&, bool) override { ban(); }
    void job_lost(const sched::Entity&) override { ban(); }

  private:
    const Shape shape_;
    std::atomic<bool> banned_ = false;
    const std::shared_ptr<std::atomic<uint32_t>> jobs_ = std::make_shared<std::atomic<uint32_t>>(0);
    BindQueue bind_queue_;
};
using ExecQueuePtr = std::shared_ptr<ExecQueue>;

}  // namespace simgpu::intel::xe
