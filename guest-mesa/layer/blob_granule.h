// The step in which the sizes of blobs go.
#pragma once

#include <cstdint>

#include "guest-mesa/layer/kernel.h"

namespace viaduct::guest {

/// Bytes, a power of two: whole pages of this guest, and of the host's if those are larger. Linux
/// 7.2 and newer refuse a blob whose size does not fit what the device asks for (virtio-gpu's
/// feature BLOB_ALIGNMENT).
uint64_t blob_granule(const Channel& channel);

/// 0 if nothing that large can be.
constexpr uint64_t round_up_to(uint64_t granule, uint64_t size) {
    const uint64_t rounded = (size + granule - 1) & ~(granule - 1);
    return rounded < size ? 0 : rounded;
}

}  // namespace viaduct::guest
