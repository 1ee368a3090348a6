// Formats of colour buffers: what a shader's export becomes in memory.
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/amd/gfx9/memory/buffer_format.h"

namespace simgpu::gfx9::draw {

/// CB_COLORn_INFO: FORMAT, NUMBER_TYPE and COMP_SWAP.
class ColourFormat {
  public:
    ColourFormat() = default;
    ColourFormat(uint32_t format, uint32_t number, uint32_t swap);

    /// Bytes of a pixel; 0 for a format that does not exist or is not simulated.
    unsigned bytes() const { return texel_.bytes(); }
    bool is_integer() const { return texel_.is_integer(); }
    /// The stored format, without sRGB and with components in the order of memory.
    BufferFormat texel() const { return texel_; }
    /// Values outside of [0, 1] or [-1, 1] cannot be stored.
    bool is_unorm() const { return texel_.number == 0; }
    bool is_snorm() const { return texel_.number == 1; }

    /// Red, green, blue, alpha: floats' bits, or integers. sRGB is linear here.
    void unpack(const uint8_t* pixel, uint32_t (&colour)[4]) const;
    void pack(const uint32_t (&colour)[4], uint8_t* pixel) const;
    /// The bits of a pixel that hold the components of `write_mask` (bit 0: red).
    void mask(unsigned write_mask, uint8_t* pixel) const;

  private:
    BufferFormat texel_;
    bool srgb_ = false;
    std::array<uint8_t, 4> source_{0, 1, 2, 3};  // colour component of each stored one
};

}  // namespace simgpu::gfx9::draw
