// The command ring: a single-producer, single-consumer queue of records in shared memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "drm-context/transport/messages.h"
#include "drm-context/transport/shared_page.h"

namespace viaduct::transport {

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
    /// Appends a record; false if there is no room.
    bool push(RecordType type, std::span<const std::byte> payload);

  private:
    // Sequentially consistent, like SharedPage::front_waits: who asks to be told of room and looks
    // once more either sees it or is told.
    uint64_t tail() const { return page_.tail.load(std::memory_order_seq_cst); }
    uint64_t free_bytes() const;

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
