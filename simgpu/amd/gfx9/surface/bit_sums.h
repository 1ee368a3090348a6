// Tables for addresses in blocks: shifts, and sums without carry of the share that each bit of a
// coordinate contributes.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "simgpu/amd/gfx9/surface/swizzle.h"

namespace simgpu::gfx9 {

/// log2 of a block's size; all sizes are powers of two.
struct BlockShift {
    BlockShift() = default;
    explicit BlockShift(BlockSize size)
        : width(static_cast<uint8_t>(std::countr_zero(size.width))),
          height(static_cast<uint8_t>(std::countr_zero(size.height))),
          depth(static_cast<uint8_t>(std::countr_zero(size.depth))) {}
    uint8_t width = 0, height = 0, depth = 0;
};

/// The terms of a coordinate of 16 bits, kept as sums by each four of them.
class BitSums {
  public:
    static constexpr unsigned kBits = 16;

    BitSums() = default;
    /// `term(value)` is what a coordinate contributes that has one bit.
    template <class F>
    explicit BitSums(F term) {
        for (unsigned bit = 0; bit < kBits; bit++) add(bit, term(1u << bit));
    }
    /// Adds `term` to what `bit` contributes; bit < kBits.
    void add(unsigned bit, uint32_t term) {
        const unsigned in_group = bit % kGroupBits;
        auto& sums = groups_[bit / kGroupBits];
        for (unsigned value = 0; value < sums.size(); value++)
            if (value >> in_group & 1) sums[value] ^= term;
    }
    /// Bits above those are ignored.
    uint32_t sum(uint32_t coordinate) const {
        return groups_[0][coordinate & 15] ^ groups_[1][coordinate >> 4 & 15] ^
               groups_[2][coordinate >> 8 & 15] ^ groups_[3][coordinate >> 12 & 15];
    }

  private:
    static constexpr unsigned kGroupBits = 4;

    std::array<std::array<uint32_t, 1u << kGroupBits>, kBits / kGroupBits> groups_{};
};

}  // namespace simgpu::gfx9
