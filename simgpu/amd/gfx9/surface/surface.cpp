#include "simgpu/amd/gfx9/surface/surface.h"

#include <algorithm>
#include <bit>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9 {

namespace {

constexpr uint32_t half_rounded_up(uint32_t value) {
    return (value + 1) / 2;
}

// Linear rows start at multiples of 256 bytes.
constexpr uint32_t kLinearAlignment = 256;

// Where the levels of a mip tail start, in units of 256 bytes, counted for a tail of 1 MiB;
// smaller tails begin further down the list (addrlib's GFX9 part).
constexpr uint32_t kTailOffsets[] = {2048, 1024, 512, 256, 128, 64, 32, 16, 8, 6, 5, 4, 3, 2, 1, 0};
constexpr unsigned kLargestTailBits = 20;

uint32_t tail_offset(unsigned level_in_tail, unsigned block_bits) {
    const unsigned index = level_in_tail + kLargestTailBits - block_bits;
    return kTailOffsets[std::min<size_t>(index, std::size(kTailOffsets) - 1)] << 8;
}

/// The direction in which level 1 and the later ones follow.
Major major_axis(BlockSize level0, bool thick) {
    const bool y = level0.width < level0.height;
    if (!thick) return y ? Major::kY : Major::kX;
    const uint32_t larger = y ? level0.height : level0.width;
    if (larger < level0.depth) return Major::kZ;
    return y ? Major::kY : Major::kX;
}

/// Whether the level after one of `blocks` goes into the tail.
bool tail_follows(BlockSize blocks, bool thick, unsigned block_bits) {
    if (!thick) return blocks.width == 1 && blocks.height <= 2;
    switch (block_bits % 3) {
        case 0:
            return blocks.width <= 2 && blocks.height == 1 && blocks.depth <= 2;
        case 1:
            return blocks.width == 1 && blocks.height <= 2 && blocks.depth <= 2;
        default:
            return blocks.width <= 2 && blocks.height <= 2 && blocks.depth == 1;
    }
}

/// The largest level that fits the tail.
BlockSize tail_size(BlockSize block, bool thick, unsigned block_bits) {
    if (!thick || block_bits % 3 == 1)
        block.width /= 2;
    else if (block_bits % 3 == 0)
        block.height /= 2;
    else
        block.depth /= 2;
    return block;
}

SwizzleEquation equation_of(const SurfaceShape& shape, AddressConfig config) {
    // A linear surface never asks its equation.
    constexpr SwizzleMode kAny{4};
    return {shape.mode.linear() ? kAny : shape.mode, shape.element_bits, shape.image_3d, config,
            shape.sample_bits};
}

}  // namespace

std::optional<Surface> Surface::create(const SurfaceShape& shape, AddressConfig config) {
    if (!shape.mode.exists() || shape.element_bits > 4) return {};
    // Samples need blocks of 4 KiB at least, and have no mip levels.
    const bool small = shape.mode.linear() || shape.mode.block_bits() < 12;
    if (shape.sample_bits > 3 ||
        (shape.sample_bits && (small || shape.image_3d || shape.levels > 1)))
        return {};
    return Surface(shape, config);
}

Surface::Surface(const SurfaceShape& shape, AddressConfig config)
    : shape_(shape),
      linear_(shape.mode.linear()),
      block_bits_(linear_ ? 0 : shape.mode.block_bits()),
      base_(shape.base),
      inside_mask_((uint64_t{1} << block_bits_) - 1),
      block_(block_size(shape.mode, shape.element_bits, shape.image_3d, shape.sample_bits)),
      shift_(block_) {
    shape_.levels = static_cast<uint8_t>(std::clamp<unsigned>(shape.levels, 1, kMaxLevels));
    if (!linear_ && shape.mode.is_xor()) base_ &= ~inside_mask_;
    const SwizzleEquation equation = equation_of(shape, config);
    equation_[0] = BitSums([&](uint32_t x) { return equation.offset(x, 0, 0); });
    equation_[1] = BitSums([&](uint32_t y) { return equation.offset(0, y, 0); });
    equation_[2] = BitSums([&](uint32_t z) { return equation.offset(0, 0, z); });
    equation_[3] = BitSums([&](uint32_t sample) { return equation.offset(0, 0, 0, sample); });
    if (shape_.mode.linear())
        place_linear_levels();
    else
        place_tiled_levels();
}

/// Levels lie below each other; a row is as long as level 0's.
void Surface::place_linear_levels() {
    pitch_in_blocks_ = shape_.pitch;
    if (shape_.levels == 1) {
        slice_in_blocks_ = pitch_in_blocks_ * shape_.height;
        return;
    }
    pitch_in_blocks_ = align_up(shape_.width, kLinearAlignment >> shape_.element_bits);
    uint32_t row = 0, height = shape_.height;
    for (unsigned level = 0; level < shape_.levels; level++) {
        levels_[level].y = row;
        row += height;
        height = std::max(half_rounded_up(height), 1u);
    }
    slice_in_blocks_ = pitch_in_blocks_ * row;
}

void Surface::place_tiled_levels() {
    const bool thick = shape_.mode.thick(shape_.image_3d);
    uint32_t chain_width = align_up(shape_.width, block_.width);
    uint32_t chain_height = align_up(shape_.height, block_.height);
    const BlockSize level0{chain_width / block_.width, chain_height / block_.height,
                           (shape_.depth + block_.depth - 1) / block_.depth};
    const BlockSize tail = tail_size(block_, thick, shape_.mode.block_bits());
    if (shape_.levels == 1 || major_axis(level0, thick) == Major::kY)
        chain_width = std::max(shape_.pitch, block_.width);
    else
        chain_height = std::max(shape_.pitch, block_.height);
    // Small enough for the tail from level 0 on: there is one block, and EPITCH its height.
    pitch_in_blocks_ = chain_width / block_.width;
    slice_in_blocks_ = pitch_in_blocks_ * (chain_height / block_.height);
    if (shape_.levels == 1) return;
    for (unsigned level = 0; level < shape_.levels; level++)
        levels_[level] = tiled_start(level, tail, level0);
}

Surface::LevelStart Surface::tiled_start(unsigned level, BlockSize tail, BlockSize blocks) const {
    const bool thick = shape_.mode.thick(shape_.image_3d);
    const unsigned block_bits = shape_.mode.block_bits();
    LevelStart start;
    if (shape_.width <= tail.width && shape_.height <= tail.height &&
        (!thick || shape_.depth <= tail.depth)) {
        start.tail_offset = tail_offset(level, block_bits);
        return start;
    }
    const Major major = major_axis(blocks, thick);
    for (unsigned i = 1; i <= level; i++) {
        // Levels 1 and 3 turn the corner, the others go on along the major axis.
        const bool corner = i == 1 || i == 3;
        if (corner)
            (major == Major::kY ? start.x : start.y) +=
                major == Major::kY ? blocks.width : blocks.height;
        else if (major == Major::kX)
            start.x += blocks.width;
        else if (major == Major::kY)
            start.y += blocks.height;
        else
            start.z += blocks.depth;
        if (tail_follows(blocks, thick, block_bits)) {
            start.tail_offset = tail_offset(level - i, block_bits);
            return start;
        }
        blocks = {half_rounded_up(blocks.width), half_rounded_up(blocks.height),
                  half_rounded_up(blocks.depth)};
    }
    return start;
}

Surface::Row Surface::row(uint32_t y, uint32_t z, unsigned level, unsigned sample) const {
    const LevelStart& start = levels_[level & (kMaxLevels - 1)];
    if (linear_)
        return {uint64_t{z} * slice_in_blocks_ + uint64_t{start.y + y} * pitch_in_blocks_, 0};
    Row row;
    row.block = uint64_t{(z >> shift_.depth) + start.z} * slice_in_blocks_ +
                uint64_t{(y >> shift_.height) + start.y} * pitch_in_blocks_ + start.x;
    row.inside =
        equation_[1].sum(y) ^ equation_[2].sum(z) ^ equation_[3].sum(sample) ^ start.tail_offset;
    if (shape_.mode.is_xor()) row.inside ^= shape_.base;
    return row;
}

uint64_t Surface::address(const Row& row, uint32_t x) const {
    if (linear_) return base_ + ((row.block + x) << shape_.element_bits);
    const uint64_t inside = (row.inside ^ equation_[0].sum(x)) & inside_mask_;
    return base_ + ((row.block + (x >> shift_.width)) << block_bits_) + inside;
}

}  // namespace simgpu::gfx9
