// Which coordinate bit lies at each address bit of a tiled surface.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "simgpu/amd/gfx9/surface/swizzle.h"

namespace simgpu::gfx9 {

/// One bit of a coordinate.
struct CoordinateBit {
    enum Axis : uint8_t { kX, kY, kZ, kSample };
    uint8_t axis = kX;
    uint8_t bit = 0;
};
inline constexpr unsigned kAxes = 4;

/// Address bits from the lowest on, far beyond one block. Nothing is folded yet. Bits of the byte
/// in an element name no coordinate.
class BitSequence {
  public:
    /// In the order of `mode`, for surfaces of one sample.
    static BitSequence of(SwizzleMode mode, unsigned element_bits, bool image_3d);
    /// In Z order, with the bits of the sample below those of the pixel.
    static BitSequence of_depth(unsigned element_bits, unsigned sample_bits);

    unsigned size() const { return static_cast<unsigned>(bits_.size()); }
    bool names_coordinate(unsigned address_bit) const { return address_bit >= known_; }
    CoordinateBit at(unsigned address_bit) const { return bits_[address_bit]; }
    /// Puts the sample's bits at `address_bit` and moves what lies there up.
    void insert_samples(unsigned address_bit, unsigned count);

  private:
    explicit BitSequence(unsigned element_bits) : bits_(element_bits), known_(element_bits) {}
    static BitSequence thin(SwizzleMode::Order order, unsigned element_bits);
    static BitSequence thick(SwizzleMode::Order order, unsigned element_bits);
    void append(uint8_t axis) { append(axis, next_[axis]); }
    void append(std::string_view pattern);
    void append(uint8_t axis, uint8_t bit) {
        bits_.push_back({axis, bit});
        next_[axis] = std::max<uint8_t>(next_[axis], bit + 1);
    }

    std::vector<CoordinateBit> bits_;
    unsigned known_;
    uint8_t next_[3] = {};
};

}  // namespace simgpu::gfx9
