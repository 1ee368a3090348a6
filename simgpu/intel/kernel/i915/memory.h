// Buffers in i915's terms.
#pragma once

#include <cstdint>

#include "simgpu/intel/kernel/i915/uapi.h"
#include "simgpu/memory/buffer.h"
#include "simgpu/memory/reservation_lock.h"

namespace simgpu::intel::i915 {

using drm::Reservation;
using memory::Buffer;
using memory::BufferPtr;
using memory::ReservationLock;

inline constexpr uint64_t kPage = 4096;  // I915_GTT_PAGE_SIZE, and min_page_size of system memory

/// i915's record of a buffer, beside its bytes.
struct GemRecord {
    uint32_t tiling_mode = I915_TILING_NONE;
    uint32_t stride = 0;  // bytes
    uint32_t madvise = I915_MADV_WILLNEED;
    uint32_t caching = I915_CACHING_CACHED;
    uint32_t pat_set_by_user = 0;
};
inline GemRecord record_of(const Buffer& buffer) {
    return buffer.record().as<GemRecord>();
}
inline void set_record(Buffer& buffer, const GemRecord& record) {
    buffer.set_record(Buffer::Record::of(record), /*announce=*/true);
}

constexpr uint64_t round_up(uint64_t value, uint64_t step) {
    return (value + step - 1) / step * step;
}

}  // namespace simgpu::intel::i915
