#include "simgpu/intel/surface/tiling.h"

namespace simgpu::intel {

namespace {

constexpr uint64_t kTileBytes = 4096;

/// Rows of 512 bytes, 8 of them.
uint64_t offset_in_x(uint64_t x, uint64_t y) {
    return y * 512 + x;
}

/// Columns of 16 bytes, 32 rows each.
uint64_t offset_in_y(uint64_t x, uint64_t y) {
    return x / 16 * 512 + y * 16 + x % 16;
}

/// From the lowest bit of the offset on: x0-x3, y0, y1, x4, x5, y2, x6, y3, y4.
uint64_t offset_in_4(uint64_t x, uint64_t y) {
    return (x & 15) | (y & 3) << 4 | (x >> 4 & 3) << 6 | (y >> 2 & 1) << 8 | (x >> 6 & 1) << 9 |
           (y >> 3 & 3) << 10;
}

uint64_t in_tiles(uint32_t pitch, uint64_t x, uint64_t y, unsigned width, unsigned height,
                  uint64_t (*offset)(uint64_t, uint64_t)) {
    const uint64_t tile = y / height * (pitch / width) + x / width;
    return tile * kTileBytes + offset(x % width, y % height);
}

}  // namespace

uint64_t tiled_offset(Tiling tiling, uint32_t pitch, uint64_t x, uint64_t y) {
    switch (tiling) {
        case Tiling::kX:
            return in_tiles(pitch, x, y, 512, 8, offset_in_x);
        case Tiling::kY:
            return in_tiles(pitch, x, y, 128, 32, offset_in_y);
        case Tiling::k4:
            return in_tiles(pitch, x, y, 128, 32, offset_in_4);
        default:
            return y * pitch + x;
    }
}

}  // namespace simgpu::intel
