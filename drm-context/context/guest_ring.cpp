#include "drm-context/context/guest_ring.h"

#include <algorithm>
#include <cstring>

#include "wire/ccmd.h"

namespace viaduct {

namespace {

constexpr uint32_t kBytes = wire::GuestRing::kBytes;
constexpr uint32_t kWord = sizeof(uint64_t);

constexpr uint32_t round_up(uint32_t size) {
    return (size + kWord - 1) / kWord * kWord;
}

}  // namespace

void GuestRing::adopt(const Mapping& control, uint32_t area_offset) {
    constexpr size_t kBehind = sizeof(wire::GuestRing) + sizeof(wire::FinishedWork);
    if (control.size() < area_offset + size_t{kBytes} || control.size() % kWord != 0) return;
    fields_ = control.data() + area_offset - kBehind;
    bytes_ = control.data() + control.size() - kBytes;
    show_awake(true);
}

std::atomic_ref<uint32_t> GuestRing::field(size_t offset) const {
    return std::atomic_ref(*reinterpret_cast<uint32_t*>(fields_ + offset));
}

bool GuestRing::is_used() const {
    return fields_ && field(offsetof(wire::GuestRing, used)).load(std::memory_order_relaxed) != 0;
}

// Sequentially consistent, like `awake`: a guest that has seen the worker awake is seen by it.
uint32_t GuestRing::written() const {
    if (!fields_) return tail_;
    return end_ ? *end_ : field(offsetof(wire::GuestRing, head)).load();
}

uint64_t GuestRing::word_at(uint32_t position) const {
    return std::atomic_ref(*reinterpret_cast<uint64_t*>(bytes_ + position % kBytes))
        .load(std::memory_order_relaxed);
}

// An invalid ring is for take() to say.
bool GuestRing::is_due() const {
    const auto after = static_cast<uint32_t>(word_at(tail_) >> 32);
    return static_cast<int32_t>(taken_seqno_ - after) >= 0 || written() - tail_ > kBytes;
}

Result<std::span<const std::byte>> GuestRing::take() {
    if (!fields_) return std::span<const std::byte>();
    const uint32_t there = written() - tail_;
    if (there == 0 || there > kBytes || there % kWord != 0) return tl::unexpected(give_up());
    const auto size = static_cast<uint32_t>(word_at(tail_));
    if (size == 0 || size > wire::GuestRing::kLargest || kWord + round_up(size) > there)
        return tl::unexpected(give_up());
    taken_.resize(round_up(size));
    for (uint32_t at = 0; at < size; at += kWord) {
        const uint64_t word = word_at(tail_ + kWord + at);
        std::memcpy(taken_.data() + at, &word, sizeof(word));
    }
    tail_ += kWord + round_up(size);
    field(offsetof(wire::GuestRing, tail)).store(tail_, std::memory_order_release);
    return std::span<const std::byte>(taken_).first(size);
}

Error GuestRing::give_up() {
    field(offsetof(wire::GuestRing, awake)).store(wire::GuestRing::kGone);
    fields_ = nullptr;
    return {EPROTO, "its ring of requests is invalid"};
}

void GuestRing::close() {
    if (fields_ && !end_) end_ = written();
}

void GuestRing::show_awake(bool awake) {
    if (awake != (awake_ % 2 == 1)) ++awake_;
    if (fields_) field(offsetof(wire::GuestRing, awake)).store(awake_);
}

void GuestRing::count_blob() {
    ++blobs_;
    if (fields_) field(offsetof(wire::GuestRing, blobs)).store(blobs_, std::memory_order_release);
}

}  // namespace viaduct
