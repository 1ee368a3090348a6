#include "drm-context/front/loss_notice.h"

#include <atomic>

#include "drm-context/wire/common.h"

namespace viaduct {

namespace {

// Guests compare sequence numbers by the sign of their difference: a quarter of the range ahead,
// everything submitted before counts as done, and so do the next 2^30 commands.
constexpr uint32_t kFarAhead = 1u << 30;

}  // namespace

Status LossNotice::attach(int control_buffer, const DriverTraits& traits) {
    auto head = Mapping::map_shared(control_buffer, 0, traits.shmem_size);
    if (!head) return tl::unexpected(head.error());
    head_ = *std::move(head);
    async_error_offset_ = traits.async_error_offset;
    return {};
}

void LossNotice::post() {
    if (!head_.valid()) return;
    // The guest writes here too: it can mislead itself only.
    const auto word = [&](uint64_t offset) {
        return std::atomic_ref(*reinterpret_cast<uint32_t*>(head_.data() + offset));
    };
    const auto seqno = word(offsetof(wire::ShmemHeader, seqno));
    if (async_error_offset_ != 0 && word(async_error_offset_).fetch_add(1) == UINT32_MAX)
        word(async_error_offset_).store(1);
    if (!published_) published_ = seqno.load(std::memory_order_relaxed) + kFarAhead;
    seqno.store(*published_, std::memory_order_release);
}

}  // namespace viaduct
