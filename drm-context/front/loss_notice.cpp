#include "drm-context/front/loss_notice.h"

#include <atomic>

#include "wire/ccmd.h"

namespace viaduct {

namespace {

// Guests compare sequence numbers by the sign of their difference: a quarter of the range ahead,
// everything submitted before counts as done, and so do the next 2^30 commands.
constexpr uint32_t kFarAhead = 1u << 30;

// The guest writes here too: it can mislead itself only.
template <typename T>
std::atomic_ref<T> field(const Mapping& head, uint64_t offset) {
    return std::atomic_ref(*reinterpret_cast<T*>(head.data() + offset));
}

}  // namespace

Status LossNotice::attach(int control_buffer, const DriverTraits& traits) {
    auto head = Mapping::map_shared(control_buffer, 0, traits.shmem_size);
    if (!head) return tl::unexpected(head.error());
    head_ = *std::move(head);
    loss_ = traits.loss;
    return {};
}

void LossNotice::mark_lost() {
    switch (loss_.kind) {
        case LossField::Kind::kNone:
            return;
        case LossField::Kind::kCounter32:
            if (field<uint32_t>(head_, loss_.offset).fetch_add(1) == UINT32_MAX)
                field<uint32_t>(head_, loss_.offset).store(1);
            return;
        case LossField::Kind::kMask64:
            field<uint64_t>(head_, loss_.offset).store(UINT64_MAX);
    }
}

void LossNotice::post() {
    if (!head_.valid()) return;
    mark_lost();
    const auto seqno = field<uint32_t>(head_, offsetof(wire::ShmemHeader, seqno));
    if (!published_) published_ = seqno.load(std::memory_order_relaxed) + kFarAhead;
    seqno.store(*published_, std::memory_order_release);
}

}  // namespace viaduct
