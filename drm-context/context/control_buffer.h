// The control buffer ("shmem"): memory that host and guest share for sequence numbers, driver
// fields and responses. In a worker, nothing else touches guest-writable memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ids.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "drm-context/context/guest_ring.h"

namespace viaduct {

/// Sizes and offsets are kept privately: nothing read back from the memory is ever trusted.
class ControlBuffer {
  public:
    /// Maps what transport::create_control_memory() made; `area_offset`: where the response area
    /// begins. EINVAL: there is one already, or it is too small.
    Status adopt(const UniqueFd& memory, uint32_t area_offset);
    bool exists() const { return mapping_.valid(); }

    GuestRing& guest_ring() { return guest_ring_; }

    /// Bytes of the response area.
    uint32_t area_size() const { return area_size_; }
    /// True if a response of `size` bytes fits at `rsp_off`.
    bool fits(uint32_t rsp_off, uint64_t size) const {
        return rsp_off <= area_size_ && size <= area_size_ - rsp_off;
    }

    /// Publishes a sequence number, after all bytes written before. Ignored without a buffer.
    void publish_seqno(uint32_t seqno);
    /// The newest that was published.
    uint32_t published() const { return published_; }
    /// wire::FinishedWork: all that requests up to `seqno` gave to `ring` has ended.
    void publish_finished(RingIndex ring, uint32_t seqno);
    /// Whether the guest looks for that by itself, and needs no fence soon. It may change its mind,
    /// and looks once more then: to be asked after publish_finished().
    bool is_looked_for(RingIndex ring, uint32_t seqno) const;
    /// Copies `response` out to `rsp_off`, no more than the room the guest says it kept there.
    /// The first word (the length) is set here. Nothing is written where it does not fit.
    void write_response(uint32_t rsp_off, std::span<const std::byte> response);
    /// Stores driver fields; `offset` is within the fixed struct, 4- and 8-aligned.
    void store32(uint32_t offset, uint32_t value);
    void store64(uint32_t offset, uint64_t value);

  private:
    /// Of an array of wire::FinishedWork, at this offset.
    std::atomic_ref<uint32_t> finished_word(size_t array, RingIndex ring) const;

    Mapping mapping_;
    GuestRing guest_ring_;
    uint32_t area_offset_ = 0;
    uint32_t area_size_ = 0;
    uint32_t published_ = 0;
};

}  // namespace viaduct
