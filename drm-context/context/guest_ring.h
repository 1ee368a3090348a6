// GuestRing: the worker's end of wire::GuestRing, in which a guest passes its requests without the
// VMM.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "blob/mapping.h"

namespace viaduct {

/// The guest may write anything, at any time: what is taken is copied first, and the place up to
/// which it was taken is kept privately. An invalid ring is not looked at any more. Not
/// thread-safe; the guest runs at the same time.
class GuestRing {
  public:
    /// In a control buffer, which outlives it, with responses at `area_offset`. One without room
    /// for the ring has none, and nothing comes from it.
    void adopt(const Mapping& control, uint32_t area_offset);

    /// Whether the guest would write here if it knew that the worker is awake.
    bool is_used() const;
    bool empty() const { return !has_before(written()); }
    /// Where the guest's writing has come to, and whether there is something to take before that.
    /// Requests that follow one that the VMM has yet to bring do not count until then.
    uint32_t written() const;
    bool has_before(uint32_t position) const {
        return fields_ && static_cast<int32_t>(position - tail_) > 0 && is_due();
    }
    /// A request was taken, from here or from the VMM.
    void note_taken(uint32_t seqno) { taken_seqno_ = seqno; }
    /// The oldest buffer of requests, of which there is one, good until the next call. EPROTO: the
    /// ring is invalid, as one is from which the guest has taken something back; said once.
    Result<std::span<const std::byte>> take();
    /// Nothing is taken that the guest has not written by now. Without a ring it does nothing.
    void close();
    /// Whether the worker will look here before it sleeps. Once the guest has been told that it
    /// will not, one more look is due.
    void show_awake(bool awake);
    /// A blob was created or refused, and requests may be about it.
    void count_blob();

  private:
    std::atomic_ref<uint32_t> field(size_t offset) const;
    uint64_t word_at(uint32_t position) const;
    bool is_due() const;
    Error give_up();

    std::byte* fields_ = nullptr;  // null: there is no ring
    std::byte* bytes_ = nullptr;
    uint32_t tail_ = 0;
    uint32_t blobs_ = 0;
    uint32_t awake_ = 0;
    uint32_t taken_seqno_ = 0;
    std::optional<uint32_t> end_;  // once it is closed
    std::vector<std::byte> taken_;
};

}  // namespace viaduct
