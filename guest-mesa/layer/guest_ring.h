// GuestRing: the guest's end of wire::GuestRing, by which requests pass the monitor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "blob/mapping.h"
#include "wire/ccmd.h"

namespace viaduct::guest {

/// Not thread-safe; the host runs at the same time.
class GuestRing {
  public:
    /// In a control buffer, which outlives it, whose responses begin at `area_start`. There is none
    /// if the host has none, if the memory is slow to reach, as where a hypervisor stops its guest
    /// at each access, or with VIADUCT_GUEST_RING=off.
    GuestRing(const Mapping& shmem, uint32_t area_start);
    /// Whether such a control buffer has the ring's fields.
    static bool is_offered(const Mapping& shmem, uint32_t area_start);

    bool exists() const { return fields_ != nullptr; }
    /// Of the control buffer's end that are its own.
    uint32_t bytes() const;
    /// wire::GuestRing::awake.
    uint32_t awake() const;
    /// Of such a number: whether the host will look for what is written, or has to be told of it.
    static bool is_awake(uint32_t awake) { return awake % 2 != 0; }
    /// How many blobs the host was asked to create, and knows by now.
    uint32_t blobs() const;
    /// Whether there is ever room for such a buffer of requests.
    static bool fits(std::span<const std::byte> requests) {
        return requests.size() <= wire::GuestRing::kLargest;
    }
    /// Whether the host knows which of these requests is the earlier one: not half of all numbers
    /// away.
    static bool may_follow(uint32_t seqno, uint32_t after) { return seqno - after < 1u << 30; }
    /// Appends a buffer of requests, to be taken behind request `after`; false: there is no room
    /// for it now.
    bool write(std::span<const std::byte> requests, uint32_t after);

  private:
    std::atomic_ref<uint32_t> field(size_t offset) const;
    void store_word(uint32_t position, uint64_t word);

    std::byte* fields_ = nullptr;
    std::byte* bytes_ = nullptr;
    uint32_t head_ = 0;
};

}  // namespace viaduct::guest
