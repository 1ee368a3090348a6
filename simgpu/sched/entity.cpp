#include "simgpu/sched/entity.h"

namespace simgpu::sched {

uint64_t Entity::last_sequence() const {
    const viaduct::LockGuard lock(mutex_);
    return last_;
}

uint64_t Entity::add(const JobFences& fences) {
    const viaduct::LockGuard lock(mutex_);
    remembered_[++last_ % kSchedJobs] = fences;
    return last_;
}

bool Entity::find(uint64_t sequence, JobFences* fences) const {
    const viaduct::LockGuard lock(mutex_);
    *fences = {};
    if (sequence == UINT64_MAX) sequence = last_;
    if (sequence > last_) return false;
    if (sequence + kSchedJobs > last_) *fences = remembered_[sequence % kSchedJobs];
    return true;
}

drm::FencePtr Entity::previous() const {
    const viaduct::LockGuard lock(mutex_);
    return remembered_[(last_ + 1) % kSchedJobs].finished;
}

void Entity::push() {
    const viaduct::LockGuard lock(mutex_);
    ++queued_;
}

int Entity::hand_over(const drm::FencePtr& finished, int own, bool spreads) {
    const viaduct::LockGuard lock(mutex_);
    const int error = spreads ? error_locked() : 0;
    last_scheduled_ = finished;
    last_error_ = error != 0 ? error : own;
    --queued_;
    changed_.notify_all();
    return last_error_;
}

bool Entity::idle() const {
    const viaduct::LockGuard lock(mutex_);
    return queued_ == 0 && (!last_scheduled_ || last_scheduled_->is_signalled());
}

void Entity::wait_handed_over() {
    viaduct::UniqueLock lock(mutex_);
    changed_.wait(lock.native(), [this]() VIADUCT_REQUIRES(mutex_) { return queued_ == 0; });
}

int Entity::error() const {
    const viaduct::LockGuard lock(mutex_);
    return error_locked();
}

int Entity::error_locked() const {
    if (last_error_ != 0) return last_error_;
    return last_scheduled_ ? last_scheduled_->status() : 0;
}

}  // namespace simgpu::sched
