#include "guest-mesa/layer/guest_ring.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "guest-mesa/layer/slow_memory.h"

namespace viaduct::guest {

namespace {

constexpr uint32_t kBytes = wire::GuestRing::kBytes;
constexpr uint32_t kWord = sizeof(uint64_t);

constexpr uint32_t round_up(size_t size) {
    return static_cast<uint32_t>((size + kWord - 1) / kWord * kWord);
}

bool is_switched_off() {
    const char* value = std::getenv("VIADUCT_GUEST_RING");
    return value && std::strcmp(value, "off") == 0;
}

std::byte* fields_in(const Mapping& shmem, uint32_t area_start) {
    return shmem.data() + area_start - sizeof(wire::FinishedWork) - sizeof(wire::GuestRing);
}

}  // namespace

bool GuestRing::is_offered(const Mapping& shmem, uint32_t area_start) {
    if (area_start < wire::kLeastAreaOffset) return false;
    uint64_t mark = 0;
    std::memcpy(&mark, fields_in(shmem, area_start) + offsetof(wire::GuestRing, mark),
                sizeof(mark));
    return mark == wire::GuestRing::kMark;
}

GuestRing::GuestRing(const Mapping& shmem, uint32_t area_start) {
    if (!is_offered(shmem, area_start) || shmem.size() < area_start + size_t{kBytes}) return;
    if (is_switched_off() || is_slow(fields_in(shmem, area_start))) return;
    fields_ = fields_in(shmem, area_start);
    bytes_ = shmem.data() + shmem.size() - kBytes;
    field(offsetof(wire::GuestRing, used)).store(1);
}

uint32_t GuestRing::bytes() const {
    return exists() ? kBytes : 0;
}

std::atomic_ref<uint32_t> GuestRing::field(size_t offset) const {
    return std::atomic_ref(*reinterpret_cast<uint32_t*>(fields_ + offset));
}

uint32_t GuestRing::awake() const {
    return field(offsetof(wire::GuestRing, awake)).load();
}

uint32_t GuestRing::blobs() const {
    return field(offsetof(wire::GuestRing, blobs)).load(std::memory_order_acquire);
}

void GuestRing::store_word(uint32_t position, uint64_t word) {
    std::atomic_ref(*reinterpret_cast<uint64_t*>(bytes_ + position % kBytes))
        .store(word, std::memory_order_relaxed);
}

// Sequentially consistent at the end: whoever finds the host asleep afterwards must tell it.
bool GuestRing::write(std::span<const std::byte> requests, uint32_t after) {
    const uint32_t tail = field(offsetof(wire::GuestRing, tail)).load(std::memory_order_acquire);
    const uint32_t size = round_up(requests.size());
    if (!fits(requests) || head_ - tail > kBytes - kWord - size) return false;
    store_word(head_, requests.size() | uint64_t{after} << 32);
    for (uint32_t at = 0; at < requests.size(); at += kWord) {
        uint64_t word = 0;
        std::memcpy(&word, requests.data() + at, std::min<size_t>(kWord, requests.size() - at));
        store_word(head_ + kWord + at, word);
    }
    head_ += kWord + size;
    field(offsetof(wire::GuestRing, head)).store(head_);
    return true;
}

}  // namespace viaduct::guest
