#include "guest-mesa/layer/receipts.h"

#include <atomic>
#include <utility>

#include "guest-mesa/layer/request.h"

namespace viaduct::guest {

namespace {

std::atomic_ref<uint32_t> word(std::byte* area, uint32_t offset) {
    return std::atomic_ref<uint32_t>(*reinterpret_cast<uint32_t*>(area + offset));
}

}  // namespace

uint32_t Receipts::take(uint32_t seqno, Receipt receipt) {
    const uint32_t slot = next_ * kSlotBytes;
    next_ = (next_ + 1) % kSlots;
    word(area_, slot).store(kSlotBytes);
    word(area_, slot + 4).store(0);  // `ret`, in every driver's protocol
    waiting_.push_back({seqno, slot, std::move(receipt)});
    return slot;
}

void Receipts::take_back() {
    waiting_.pop_back();
    next_ = (next_ + kSlots - 1) % kSlots;
}

void Receipts::collect(uint32_t published, std::vector<Outcome>& outcomes) {
    while (!waiting_.empty() && static_cast<int32_t>(published - waiting_.front().seqno) >= 0) {
        Waiting& done = waiting_.front();
        const int error = error_of(static_cast<int32_t>(word(area_, done.slot + 4).load()));
        if (error < 0 || (done.receipt.may_undo && !outcomes.empty()))
            outcomes.push_back({std::move(done.receipt), error});
        waiting_.pop_front();
    }
}

}  // namespace viaduct::guest
