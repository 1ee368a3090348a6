// Surfaces in memory: colour buffers, depth buffers and images with their mip levels.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "simgpu/amd/gfx9/surface/bit_sums.h"
#include "simgpu/amd/gfx9/surface/swizzle.h"

namespace simgpu::gfx9 {

/// As descriptors and CB/DB registers give it.
struct SurfaceShape {
    /// Bytes. The bits below the block's size are XORed into each element's offset (drivers
    /// spread surfaces over pipes and banks that way).
    uint64_t base = 0;
    SwizzleMode mode{0};
    uint8_t element_bits = 0;  // log2 of an element's bytes
    uint8_t sample_bits = 0;   // log2 of the samples of a pixel
    bool image_3d = false;
    uint8_t levels = 1;   // all that were allocated, not only those in view
    uint32_t width = 1;   // of level 0, in elements
    uint32_t height = 1;  // of level 0, in elements
    uint32_t depth = 1;   // of level 0 of a 3D image
    /// EPITCH plus one: elements between two rows of blocks; the height of a whole slice where
    /// the levels lie below level 0.
    uint32_t pitch = 1;
};

class Surface {
  public:
    /// Empty if the swizzle mode does not exist.
    static std::optional<Surface> create(const SurfaceShape& shape, AddressConfig config);

    /// Address of an element; coordinates are inside of `level`, z counts slices.
    uint64_t address(uint32_t x, uint32_t y, uint32_t z, unsigned level,
                     unsigned sample = 0) const {
        return address(row(y, z, level, sample), x);
    }
    /// The part that the addresses of a row of elements have in common.
    struct Row {
        uint64_t block = 0;  // number of the first one that the row goes through
        uint64_t inside = 0;
    };
    Row row(uint32_t y, uint32_t z, unsigned level, unsigned sample = 0) const;
    uint64_t address(const Row& row, uint32_t x) const;
    const SurfaceShape& shape() const { return shape_; }
    uint32_t width(unsigned level) const { return at_level(shape_.width, level); }
    uint32_t height(unsigned level) const { return at_level(shape_.height, level); }
    uint32_t depth(unsigned level) const {
        return shape_.image_3d ? at_level(shape_.depth, level) : shape_.depth;
    }

  private:
    static constexpr unsigned kMaxLevels = 16;

    /// Where a level starts, in blocks of the chain, and in bytes of its block if it lies in the
    /// tail, the one block that holds all small levels.
    struct LevelStart {
        uint32_t x = 0, y = 0, z = 0;
        uint32_t tail_offset = 0;
    };

    Surface(const SurfaceShape& shape, AddressConfig config);
    static uint32_t at_level(uint32_t size, unsigned level) {
        return size >> level ? size >> level : 1;
    }
    void place_linear_levels();
    void place_tiled_levels();
    LevelStart tiled_start(unsigned level, BlockSize tail, BlockSize in_blocks) const;

    SurfaceShape shape_;
    bool linear_;
    unsigned block_bits_;
    uint64_t base_;         // of block 0
    uint64_t inside_mask_;  // of a block
    BitSums equation_[4];   // x, y, z, sample
    BlockSize block_;
    BlockShift shift_;
    uint32_t pitch_in_blocks_ = 1;
    uint32_t slice_in_blocks_ = 1;
    std::array<LevelStart, kMaxLevels> levels_{};
};

}  // namespace simgpu::gfx9
