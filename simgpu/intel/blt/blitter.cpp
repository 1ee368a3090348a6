#include "simgpu/intel/blt/blitter.h"

#include <algorithm>
#include <vector>

namespace simgpu::intel::blt {

namespace {

/// Calls `piece(address, offset in the row, bytes)` for the contiguous pieces of one row.
template <class Piece>
bool for_each_piece(const Plane& plane, const Rectangle& size, uint32_t row, Piece piece) {
    const uint64_t first = static_cast<uint64_t>(plane.x) * size.pixel_bytes;
    const uint64_t bytes = uint64_t{size.width} * size.pixel_bytes;
    const uint64_t y = static_cast<uint64_t>(plane.y) + row;
    if (plane.tiling == Tiling::kLinear)
        return piece(plane.base + tiled_offset(plane.tiling, plane.pitch, first, y), uint64_t{0},
                     bytes);
    const uint64_t run = contiguous_bytes(plane.tiling);
    for (uint64_t done = 0; done < bytes;) {
        const uint64_t x = first + done;
        const uint64_t length = std::min(bytes - done, run - x % run);
        if (!piece(plane.base + tiled_offset(plane.tiling, plane.pitch, x, y), done, length))
            return false;
        done += length;
    }
    return true;
}

bool write_row(JobRun& job, const Plane& to, const Rectangle& size, uint32_t row,
               const std::vector<std::byte>& bytes) {
    return for_each_piece(to, size, row, [&](uint64_t va, uint64_t at, uint64_t length) {
        return job.write(va, bytes.data() + at, length);
    });
}

}  // namespace

bool copy(JobRun& job, const Plane& to, const Plane& from, const Rectangle& size) {
    std::vector<std::byte> line(uint64_t{size.width} * size.pixel_bytes);
    for (uint32_t row = 0; row < size.height; row++) {
        const bool read =
            for_each_piece(from, size, row, [&](uint64_t va, uint64_t at, uint64_t length) {
                return job.read(va, line.data() + at, length);
            });
        if (!read || !write_row(job, to, size, row, line) || !job.poll()) return false;
    }
    return true;
}

bool fill(JobRun& job, const Plane& to, const Rectangle& size,
          const std::array<uint32_t, 4>& colour) {
    const auto* pixel = reinterpret_cast<const std::byte*>(colour.data());
    std::vector<std::byte> line(uint64_t{size.width} * size.pixel_bytes);
    for (size_t i = 0; i < line.size(); i++) line[i] = pixel[i % size.pixel_bytes];
    for (uint32_t row = 0; row < size.height; row++)
        if (!write_row(job, to, size, row, line) || !job.poll()) return false;
    return true;
}

}  // namespace simgpu::intel::blt
