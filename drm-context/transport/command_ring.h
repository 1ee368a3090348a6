// The command ring: a single-producer, single-consumer queue of records in shared memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "drm-context/transport/messages.h"
#include "drm-context/transport/shared_page.h"

namespace viaduct::transport {

/// Bytes of a record: header and payload, padded. Every record begins aligned, and a header always
/// fits before the end of the ring.
constexpr uint64_t record_size(size_t payload) {
    constexpr uint64_t kAlignment = sizeof(RecordHeader);
    return (sizeof(RecordHeader) + payload + kAlignment - 1) / kAlignment * kAlignment;
}

/// The front's end. One thread at a time.
class RingProducer {
  public:
    /// `bytes`: the ring itself; its size is a multiple of 8.
    RingProducer(SharedPage& page, std::span<std::byte> bytes) : page_(page), bytes_(bytes) {}

    /// Largest payload that can ever be pushed.
    size_t max_payload() const { return bytes_.size() / 2; }
    /// True if a record of `size` payload bytes could be pushed now.
    bool has_room(size_t size) const;
    /// True if everything has been consumed.
    bool empty() const { return tail() == head_; }
    /// Bytes ever pushed; and whether as many were consumed (a lying worker harms itself).
    uint64_t head() const { return head_; }
    bool consumed(uint64_t position) const { return tail() >= position; }
    /// Appends a record; false if there is no room. Inline, since each submission and fence calls
    /// it.
    bool push(RecordType type, std::span<const std::byte> payload) {
        const uint64_t needed = record_size(payload.size());
        uint64_t at = head_ % bytes_.size();
        const uint64_t to_end = bytes_.size() - at;
        const uint64_t filler = needed <= to_end ? 0 : to_end;
        if (payload.size() > max_payload() || free_bytes() < filler + needed) return false;
        if (filler != 0) {
            write_header(at, RecordType::kFiller, filler - sizeof(RecordHeader));
            at = 0;
        }
        write_header(at, type, payload.size());
        if (!payload.empty())
            std::memcpy(bytes_.data() + at + sizeof(RecordHeader), payload.data(), payload.size());
        head_ += filler + needed;
        page_.head.store(head_, std::memory_order_seq_cst);
        return true;
    }

  private:
    // Sequentially consistent, like SharedPage::front_waits: who asks to be told of room and looks
    // once more either sees it or is told.
    uint64_t tail() const { return page_.tail.load(std::memory_order_seq_cst); }
    uint64_t free_bytes() const {
        const uint64_t used = head_ - tail();
        return used > bytes_.size() ? 0 : bytes_.size() - used;  // a lying worker gets nothing more
    }
    void write_header(uint64_t at, RecordType type, size_t size) {
        const RecordHeader header{type, static_cast<uint32_t>(size)};
        std::memcpy(bytes_.data() + at, &header, sizeof(header));
    }

    SharedPage& page_;
    std::span<std::byte> bytes_;
    uint64_t head_ = 0;  // private: the worker can overwrite the shared one
};

/// The worker's end. One thread at a time.
class RingConsumer {
  public:
    struct Record {
        RecordType type;
        std::span<const std::byte> payload;  // stable until pop()
    };

    RingConsumer(SharedPage& page, std::span<std::byte> bytes) : page_(page), bytes_(bytes) {}

    /// The oldest record, if any.
    std::optional<Record> peek();
    /// Calls `visit(record)` for each record that waits behind that one, in order.
    template <typename Visit>
    void look_ahead(Visit visit) const {
        const uint64_t end = page_.head.load(std::memory_order_acquire);
        for (uint64_t at = tail_ + record_bytes_; at != end; at += record_bytes_at(at))
            if (const Record record = record_at(at); record.type != RecordType::kFiller)
                visit(record);
    }
    /// Looks no longer at it: look_ahead() begins with it again.
    void put_back() { record_bytes_ = 0; }
    /// Frees it.
    void pop();
    bool empty() const;

  private:
    Record record_at(uint64_t position) const;
    uint64_t record_bytes_at(uint64_t position) const;

    SharedPage& page_;
    std::span<std::byte> bytes_;
    uint64_t tail_ = 0;
    uint64_t record_bytes_ = 0;  // of the oldest, once it was looked at
};

}  // namespace viaduct::transport
