#include "drm-context/transport/command_ring.h"

#include <cstring>
#include <utility>

namespace viaduct::transport {

bool RingProducer::has_room(size_t size) const {
    const uint64_t needed = record_size(size);
    const uint64_t to_end = bytes_.size() - head_ % bytes_.size();
    return size <= max_payload() && free_bytes() >= (needed <= to_end ? needed : to_end + needed);
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
