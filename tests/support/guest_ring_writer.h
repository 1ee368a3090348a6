// A guest's end of wire::GuestRing, which may write nonsense.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "wire/ccmd.h"

namespace viaduct::test {

/// In a control buffer, which outlives it, with responses at `area_offset`.
class GuestRingWriter {
  public:
    static constexpr uint32_t kBytes = wire::GuestRing::kBytes;

    GuestRingWriter(std::span<std::byte> control, uint32_t area_offset)
        : fields_(control.data() + area_offset - sizeof(wire::FinishedWork) -
                  sizeof(wire::GuestRing)),
          bytes_(control.data() + control.size() - kBytes) {}

    std::atomic_ref<uint32_t> head() const { return field(offsetof(wire::GuestRing, head)); }
    uint32_t tail() const { return field(offsetof(wire::GuestRing, tail)); }
    bool host_is_awake() const { return field(offsetof(wire::GuestRing, awake)) % 2 != 0; }
    void set_used() const { field(offsetof(wire::GuestRing, used)) = 1; }
    /// The word of the ring that has this position in it, which may be any.
    std::atomic_ref<uint64_t> word(uint32_t position) const {
        const uint32_t at = position % kBytes / sizeof(uint64_t) * sizeof(uint64_t);
        return std::atomic_ref(*reinterpret_cast<uint64_t*>(bytes_ + at));
    }
    /// Room for `size` bytes of requests.
    static uint32_t room_for(size_t size) { return static_cast<uint32_t>((size + 15) / 8 * 8); }
    void write(std::span<const std::byte> requests, uint32_t after = 0) const {
        const uint32_t at = head();
        word(at) = requests.size() | uint64_t{after} << 32;
        for (size_t i = 0; i < requests.size(); ++i)
            bytes_[(at + sizeof(uint64_t) + i) % kBytes] = requests[i];
        head() += room_for(requests.size());
    }

  private:
    std::atomic_ref<uint32_t> field(size_t offset) const {
        return std::atomic_ref(*reinterpret_cast<uint32_t*>(fields_ + offset));
    }

    std::byte* const fields_;
    std::byte* const bytes_;
};

}  // namespace viaduct::test
