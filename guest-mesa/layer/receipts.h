// Receipts: answers to requests that nobody waits for, read when they matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace viaduct::guest {

/// Kept for a request whose failure is reported only later.
struct Receipt {
    uint64_t owner = 0;
    std::vector<std::byte> request;
    /// Behind a failure that nobody has read of yet, success is reported too: it may undo that.
    bool may_undo = false;
};

struct Outcome {
    Receipt receipt;
    int error = 0;  // 0 or negative
};

/// Hands out response slots of 8 bytes, and takes them back in the order of their requests. Not
/// thread-safe.
class Receipts {
  public:
    static constexpr uint32_t kSlotBytes = 8;
    static constexpr uint32_t kSlots = 128;
    static constexpr uint32_t kBytes = kSlots * kSlotBytes;

    /// `area`: where kBytes of the control buffer are set aside, 8-aligned.
    explicit Receipts(std::byte* area) : area_(area) {}

    bool full() const { return waiting_.size() == kSlots; }
    /// The slot for request `seqno`, relative to the area, ready for an answer. Not if full().
    uint32_t take(uint32_t seqno, Receipt receipt);
    /// The newest one's request was not sent.
    void take_back();
    /// Reads the answers of all requests up to `published`. Adds failures to `outcomes`, in order.
    void collect(uint32_t published, std::vector<Outcome>& outcomes);

  private:
    struct Waiting {
        uint32_t seqno;
        uint32_t slot;
        Receipt receipt;
    };

    std::byte* area_;
    uint32_t next_ = 0;
    std::deque<Waiting> waiting_;  // by seqno
};

}  // namespace viaduct::guest
