#include "simgpu/amdgpu/context.h"

namespace simgpu::amdgpu {

namespace {
constexpr uint64_t kRemembered = 32;
}

uint64_t Entity::add(const JobFences& fences) {
    remembered_.emplace(++last_, fences);
    while (remembered_.begin()->first + kRemembered <= last_ &&
           remembered_.begin()->second.finished->is_signalled())
        remembered_.erase(remembered_.begin());
    return last_;
}

bool Entity::find(uint64_t sequence, JobFences* fences) const {
    *fences = {};
    if (sequence > last_) return false;
    if (const auto found = remembered_.find(sequence); found != remembered_.end())
        *fences = found->second;
    return true;
}

bool Context::find_fences(size_t ring, uint64_t sequence, JobFences* fences) {
    const std::lock_guard lock(submission_mutex_);
    const Entity& entity = entities_[ring];
    return entity.find(sequence == UINT64_MAX ? entity.last_sequence() : sequence, fences);
}

}  // namespace simgpu::amdgpu
