#include "renderer/fence_relay.h"

#include <algorithm>
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
    timelines_.clear();
}

void FenceRelay::stop() {
    clear();
    const LockGuard lock(mutex_);
    callbacks_ = {};
}

void FenceRelay::expect(ContextId ctx_id, RingIndex ring_idx, FenceId fence_id, uint32_t flags) {
    const bool mergeable = flags & VIRGL_RENDERER_FENCE_FLAG_MERGEABLE;
    const LockGuard lock(mutex_);
    owed_.make_room();
    timelines_.make_room();
    ++timelines_.find_or_add(timeline_key(ctx_id, ring_idx)).owed;
    const Debt debt{ctx_id, ring_idx, ++last_number_, mergeable};
    if (owed_.try_add(fence_id.value(), debt)) return;
    // A guest that uses the id twice: nobody hears of the first one.
    const Debt first = std::exchange(*owed_.find(fence_id.value()), debt);
    no_longer_owed(timeline_key(first.ctx_id, first.ring_idx));
}

void FenceRelay::cancel(FenceId fence_id) {
    const LockGuard lock(mutex_);
    settle(fence_id, Settled::kUnreported);
}

bool FenceRelay::settle(FenceId fence_id, Settled how) {
    const auto debt = owed_.take(fence_id.value());
    if (!debt) return true;
    const uint64_t key = timeline_key(debt->ctx_id, debt->ring_idx);
    Timeline* timeline = timelines_.find(key);
    if (!timeline) return true;
    const bool is_late = debt->number < timeline->last_reported;
    if (how == Settled::kReported)
        timeline->last_reported = std::max(timeline->last_reported, debt->number);
    no_longer_owed(key);
    return !is_late || !debt->mergeable;
}

void FenceRelay::no_longer_owed(uint64_t key) {
    Timeline* timeline = timelines_.find(key);
    if (timeline && --timeline->owed == 0) timelines_.take(key);
}

std::optional<FenceRelay::Debt> FenceRelay::debt(FenceId fence_id) const {
    const LockGuard lock(mutex_);
    const Debt* found = owed_.find(fence_id.value());
    return found ? std::optional(*found) : std::nullopt;
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
        if (fence.ctx_id != kGlobal && !settle(fence.fence_id, Settled::kReported)) return;
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
