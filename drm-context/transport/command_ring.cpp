#include "drm-context/transport/command_ring.h"

#include <cstring>
#include <utility>

namespace viaduct::transport {

namespace {

constexpr uint64_t kAlignment = sizeof(RecordHeader);

// Header and payload, padded: every record begins aligned, and a header always fits before the end.
uint64_t record_size(size_t payload) {
    return (sizeof(RecordHeader) + payload + kAlignment - 1) / kAlignment * kAlignment;
}

void write_header(std::span<std::byte> at, RecordType type, size_t size) {
    const RecordHeader header{type, static_cast<uint32_t>(size)};
    std::memcpy(at.data(), &header, sizeof(header));
}

}  // namespace

uint64_t RingProducer::free_bytes() const {
    const uint64_t used = head_ - tail();
    return used > bytes_.size() ? 0 : bytes_.size() - used;  // a lying worker gets nothing more
}

bool RingProducer::has_room(size_t size) const {
    const uint64_t needed = record_size(size);
    const uint64_t to_end = bytes_.size() - head_ % bytes_.size();
    return size <= max_payload() && free_bytes() >= (needed <= to_end ? needed : to_end + needed);
}

bool RingProducer::push(RecordType type, std::span<const std::byte> payload) {
    const uint64_t needed = record_size(payload.size());
    uint64_t at = head_ % bytes_.size();
    const uint64_t to_end = bytes_.size() - at;
    const uint64_t filler = needed <= to_end ? 0 : to_end;
    if (payload.size() > max_payload() || free_bytes() < filler + needed) return false;
    if (filler != 0) {
        write_header(bytes_.subspan(at), RecordType::kFiller, filler - sizeof(RecordHeader));
        at = 0;
    }
    write_header(bytes_.subspan(at), type, payload.size());
    if (!payload.empty())
        std::memcpy(bytes_.data() + at + sizeof(RecordHeader), payload.data(), payload.size());
    head_ += filler + needed;
    page_.head.store(head_, std::memory_order_seq_cst);
    return true;
}

bool RingConsumer::empty() const {
    return page_.head.load(std::memory_order_seq_cst) == tail_;
}

RingConsumer::Record RingConsumer::record_at(uint64_t position) const {
    const auto at = bytes_.subspan(position % bytes_.size());
    RecordHeader header;
    std::memcpy(&header, at.data(), sizeof(header));
    return {header.type, at.subspan(sizeof(header), header.size)};
}

uint64_t RingConsumer::record_bytes_at(uint64_t position) const {
    return record_size(record_at(position).payload.size());
}

std::optional<RingConsumer::Record> RingConsumer::peek() {
    while (!empty()) {
        const Record record = record_at(tail_);
        record_bytes_ = record_size(record.payload.size());
        if (record.type != RecordType::kFiller) return record;
        pop();
    }
    return std::nullopt;
}

void RingConsumer::pop() {
    tail_ += std::exchange(record_bytes_, 0);
    page_.tail.store(tail_, std::memory_order_seq_cst);
}

}  // namespace viaduct::transport
