#include "drm-context/context/control_buffer.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "blob/memfd.h"
#include "wire/ccmd.h"

namespace viaduct {

namespace {

constexpr size_t kShownRings = std::size(wire::FinishedWork().requests);

// The guest runs at the same time: every access is one atomic word.
std::atomic_ref<uint32_t> word(const Mapping& mapping, uint64_t offset) {
    return std::atomic_ref(*reinterpret_cast<uint32_t*>(mapping.data() + offset));
}

}  // namespace

Status ControlBuffer::adopt(const UniqueFd& memory, uint32_t area_offset) {
    if (exists()) return fail(EINVAL, "the context already has a control buffer");
    const auto size = object_size(memory.get());
    if (!size) return tl::unexpected(size.error());
    if (*size > UINT32_MAX || *size < area_offset || area_offset < wire::kLeastAreaOffset)
        return fail(EINVAL, "a control buffer of {} bytes cannot hold responses at {}", *size,
                    area_offset);
    auto mapping = Mapping::map_shared(memory.get(), 0, *size);
    if (!mapping) return tl::unexpected(mapping.error());
    mapping_ = *std::move(mapping);
    area_offset_ = area_offset;
    area_size_ = static_cast<uint32_t>(*size) - area_offset;
    guest_ring_.adopt(mapping_, area_offset);
    return {};
}

void ControlBuffer::publish_seqno(uint32_t seqno) {
    if (!exists()) return;
    word(mapping_, offsetof(wire::ShmemHeader, seqno)).store(seqno, std::memory_order_release);
    published_ = seqno;
}

std::atomic_ref<uint32_t> ControlBuffer::finished_word(size_t array, RingIndex ring) const {
    return word(mapping_, area_offset_ - sizeof(wire::FinishedWork) + array +
                              ring.value() * sizeof(uint32_t));
}

// Sequentially consistent, both: a guest that no longer looks says so, then looks once more.
void ControlBuffer::publish_finished(RingIndex ring, uint32_t seqno) {
    if (exists() && ring.value() < kShownRings)
        finished_word(offsetof(wire::FinishedWork, requests), ring).store(seqno);
}

bool ControlBuffer::is_looked_for(RingIndex ring, uint32_t seqno) const {
    if (!exists() || ring.value() >= kShownRings) return false;
    const uint32_t looked_for =
        finished_word(offsetof(wire::FinishedWork, looked_for), ring).load();
    return looked_for != 0 && static_cast<int32_t>(looked_for - seqno) >= 0;
}

void ControlBuffer::write_response(uint32_t rsp_off, std::span<const std::byte> response) {
    if (!exists() || rsp_off % sizeof(uint32_t) != 0 || !fits(rsp_off, response.size())) return;
    const uint64_t at = uint64_t{area_offset_} + rsp_off;
    const uint32_t room = word(mapping_, at).load(std::memory_order_relaxed);
    const auto length = static_cast<uint32_t>(std::min<uint64_t>(room, response.size()));
    if (length < sizeof(wire::ResponseHeader)) return;

    word(mapping_, at).store(length, std::memory_order_relaxed);
    uint32_t done = sizeof(wire::ResponseHeader);
    for (; done + sizeof(uint32_t) <= length; done += sizeof(uint32_t)) {
        uint32_t value;
        std::memcpy(&value, response.data() + done, sizeof(value));
        word(mapping_, at + done).store(value, std::memory_order_relaxed);
    }
    for (; done < length; ++done)
        std::atomic_ref(mapping_.data()[at + done])
            .store(response[done], std::memory_order_relaxed);
}

void ControlBuffer::store32(uint32_t offset, uint32_t value) {
    if (exists()) word(mapping_, offset).store(value, std::memory_order_relaxed);
}

void ControlBuffer::store64(uint32_t offset, uint64_t value) {
    if (!exists()) return;
    std::atomic_ref(*reinterpret_cast<uint64_t*>(mapping_.data() + offset))
        .store(value, std::memory_order_relaxed);
}

}  // namespace viaduct
