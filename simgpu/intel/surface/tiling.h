// Where the bytes of tiled surfaces lie (PRM volume 5, "Tiling").
#pragma once

#include <cstdint>

namespace simgpu::intel {

enum class Tiling : uint8_t { kLinear, kX, kY, k4, k64 };

/// Bytes from a surface's start to byte `x` of row `y`. `pitch`: bytes of a row, whole tiles unless
/// linear. k64 is not supported.
uint64_t tiled_offset(Tiling tiling, uint32_t pitch, uint64_t x, uint64_t y);

/// Bytes from an address on that are contiguous: how far a row goes on without a jump.
constexpr uint32_t contiguous_bytes(Tiling tiling) {
    return tiling == Tiling::kX ? 512 : 16;
}

}  // namespace simgpu::intel
