#include "renderer/fence_relay.h"

#include <utility>

namespace viaduct {

void FenceRelay::start(const Callbacks& callbacks, FenceDelivery delivery) {
    const LockGuard lock(mutex_);
    callbacks_ = callbacks;
    delivery_ = delivery;
}

void FenceRelay::clear() {
    const LockGuard lock(mutex_);
    waiting_.clear();
    owed_.clear();
}

void FenceRelay::stop() {
    clear();
    const LockGuard lock(mutex_);
    callbacks_ = {};
}

void FenceRelay::expect(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id) {
    const LockGuard lock(mutex_);
    owed_.insert_or_assign(fence_id, Debt{ctx_id, ring_idx, ++last_number_});
}

void FenceRelay::cancel(FenceId fence_id) {
    const LockGuard lock(mutex_);
    owed_.erase(fence_id);
}

std::optional<FenceRelay::Debt> FenceRelay::debt(FenceId fence_id) const {
    const LockGuard lock(mutex_);
    const auto found = owed_.find(fence_id);
    if (found == owed_.end()) return std::nullopt;
    return found->second;
}

void FenceRelay::global_retired(uint32_t fence_id) {
    report({kGlobal, RingIndex(), FenceId(fence_id)});
}

void FenceRelay::context_retired(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id) {
    report({ctx_id, ring_idx, fence_id});
}

void FenceRelay::report(const Retired& fence) {
    Callbacks callbacks;
    {
        const LockGuard lock(mutex_);
        if (fence.ctx_id != kGlobal) owed_.erase(fence.fence_id);
        if (delivery_ == FenceDelivery::kPolled) {
            if (callbacks_.valid()) waiting_.push_back(fence);
            return;
        }
        callbacks = callbacks_;
    }
    call(callbacks, fence);
}

void FenceRelay::deliver() {
    std::vector<Retired> batch;
    Callbacks callbacks;
    {
        const LockGuard lock(mutex_);
        batch.swap(waiting_);
        callbacks = callbacks_;
    }
    for (const Retired& fence : batch) call(callbacks, fence);
}

void FenceRelay::call(const Callbacks& callbacks, const Retired& fence) {
    if (fence.ctx_id == kGlobal)
        callbacks.write_fence(static_cast<uint32_t>(fence.fence_id.value()));
    else
        callbacks.write_context_fence(fence.ctx_id, fence.ring_idx, fence.fence_id);
}

}  // namespace viaduct
