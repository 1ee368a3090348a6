#include "simgpu/amd/gfx9/surface/meta_surface.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9 {

namespace {

uint32_t halved(uint32_t value) {
    return std::max(value / 2, 1u);
}

Major meta_major_axis(BlockSize blocks, bool thick) {
    if (thick && blocks.depth > blocks.width && blocks.depth > blocks.height) return Major::kZ;
    return blocks.width >= blocks.height ? Major::kX : Major::kY;
}

}  // namespace

std::optional<MetaSurface> MetaSurface::create(const MetaShape& shape, AddressConfig config) {
    const MetaLayout& layout = shape.layout;
    if (!layout.mode.exists() || layout.mode.linear() || layout.mode.block_bits() < 12) return {};
    if (layout.element_bits > 4 || layout.sample_bits > 3) return {};
    return MetaSurface(shape, config);
}

MetaSurface::MetaSurface(const MetaShape& shape, AddressConfig config)
    : shape_(shape),
      equation_(shape.layout, config),
      block_(shape.layout.meta_block(config)),
      shift_(block_) {
    shape_.levels = static_cast<uint8_t>(std::clamp<unsigned>(shape.levels, 1, kMaxLevels));
    const uint64_t inside = (uint64_t{1} << shape.layout.mode.block_bits()) - 1;
    base_ = shape.base;
    if (shape.layout.mode.is_xor()) {
        base_ &= ~inside;
        const uint64_t pipes = (uint64_t{1} << shape.layout.pipe_bits(config)) - 1;
        pipe_xor_ = shape.base & inside & (pipes << kInterleaveBits);
    }
    BlockSize blocks{divide_up(shape.width, block_.width), divide_up(shape.height, block_.height),
                     divide_up(shape.depth, block_.depth)};
    if (shape_.levels > 1) place_levels(blocks);
    // The chain of levels is longer than level 0 (addrlib: GetMetaMipInfo()).
    const bool in_tail = shape.width <= block_.width && shape.height <= block_.height / 2 &&
                         (block_.depth == 1 || shape.depth <= block_.depth);
    if (shape_.levels > 1 && !in_tail) {
        const Major major = meta_major_axis(blocks, block_.depth > 1);
        uint32_t& across = major == Major::kY ? blocks.width : blocks.height;
        const uint32_t along = major == Major::kX   ? blocks.width
                               : major == Major::kY ? blocks.height
                                                    : blocks.depth;
        const uint32_t limit = major == Major::kY ? 2 : 4;
        across += across < 3 && along > limit && shape_.levels > 3 ? 2 : across / 2 + (across & 1);
    }
    pitch_in_blocks_ = blocks.width;
    slice_in_blocks_ = blocks.width * blocks.height;
}

void MetaSurface::place_levels(BlockSize blocks) {
    const bool thick = block_.depth > 1;
    const Major major = meta_major_axis(blocks, thick);
    Start at;
    uint32_t width = shape_.width, height = shape_.height, depth = shape_.depth;
    for (unsigned level = 0; level < shape_.levels; level++) {
        if (width <= block_.width && height <= block_.height / 2 &&
            (!thick || depth <= block_.depth)) {
            place_tail(level, at);
            return;
        }
        width = align_up(width, block_.width);
        height = align_up(height, block_.height);
        depth = align_up(depth, block_.depth);
        levels_[level] = at;
        // Levels 1 and 3 turn the corner, the others go on along the major axis.
        const bool along = level >= 3 || level % 2;
        if (major == Major::kX)
            (along ? at.x : at.y) += along ? width : height;
        else if (major == Major::kY)
            (along ? at.y : at.x) += along ? height : width;
        else
            (along ? at.z : at.y) += along ? depth : height;
        width = halved(width);
        height = halved(height);
        depth = halved(depth);
    }
}

/// All small levels share one metadata block (addrlib: GetMetaMiptailInfo()).
void MetaSurface::place_tail(unsigned first, Start at) {
    const bool thick = block_.depth > 1;
    uint32_t width = block_.width, height = block_.height / 2, depth = block_.depth;
    const uint32_t tall = block_.height;
    const uint32_t least = thick ? (tall >= 512   ? 128
                                    : tall == 256 ? 64
                                                  : 32)
                                 : (tall >= 1024  ? 256
                                    : tall == 512 ? 128
                                                  : 64);
    for (unsigned level = first; level < shape_.levels; level++) {
        levels_[level] = at;
        if (width <= 32) {
            // From 32x32 on: fixed places relative to that level.
            constexpr Start kPlaces[] = {{32, 0, 0},  {0, 32, 0},  {16, 32, 0},
                                         {32, 32, 0}, {48, 32, 0}, {0, 48, 0},
                                         {16, 48, 0}, {32, 48, 0}, {48, 48, 0}};
            for (unsigned i = 0; i < std::size(kPlaces) && level + 1 + i < shape_.levels; i++)
                levels_[level + 1 + i] = {at.x + kPlaces[i].x, at.y + kPlaces[i].y, at.z};
            return;
        }
        if (width > least) {
            ((level - first) % 2 ? at.x : at.y) += (level - first) % 2 ? width : height;
        } else if (thick) {
            at.z += depth;
        } else if (width * 2 == least) {
            at.x -= least;
            at.y += least;
        } else {
            at.x += least;
        }
        width /= 2;
        height = width;
        if (thick) depth = width;
    }
}

MetaSurface::Place MetaSurface::find(uint32_t x, uint32_t y, uint32_t z, unsigned level,
                                     unsigned sample) const {
    const Start& start = levels_[level & (kMaxLevels - 1)];
    x += start.x;
    y += start.y;
    z += start.z;
    const uint64_t block = uint64_t{z >> shift_.depth} * slice_in_blocks_ +
                           uint64_t{y >> shift_.height} * pitch_in_blocks_ + (x >> shift_.width);
    const uint64_t nibble = equation_.nibble({x, y, z, sample}, block);
    return {base_ + ((nibble >> 1) ^ pipe_xor_), static_cast<unsigned>(nibble & 1) * 4};
}

}  // namespace simgpu::gfx9
