// Scattered guest memory: what a VMM hands over as iovecs.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "blob/result.h"

namespace viaduct {

/// More entries than any VMM accepts from a guest: 4 GiB in 4 KiB pages.
inline constexpr size_t kMaxIovecs = size_t{1} << 20;

/// Bytes covered by `iovecs`. Refuses null or empty entries, too many of them, and an overflow.
Result<uint64_t> total_length(const iovec* iovecs, size_t count);

/// Copies between `offset` bytes into the scattered memory and `bytes`; false, without touching
/// anything, if the memory is shorter than that.
bool copy_from_iovecs(std::span<const iovec> from, uint64_t offset, std::span<std::byte> to);
bool copy_to_iovecs(std::span<const iovec> to, uint64_t offset, std::span<const std::byte> from);

}  // namespace viaduct
