// The initial registers and attributes of a pixel shader: SPI_PS_INPUT_*, SPI_PS_INPUT_CNTL_n.
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/draw/geometry.h"

namespace simgpu::gfx9::draw {

/// The interpolated values of one pixel.
struct PixelPosition {
    int32_t x = 0, y = 0;
    float perspective[2] = {};  // I and J
    float linear[2] = {};
    float z = 0;
    float inverse_w = 1;
    bool covered = false;
};

class PixelInputs {
  public:
    PixelInputs(const RegisterReader& registers, int32_t pixel_centre);

    /// The attributes of `primitive` as they lie in LDS.
    void attributes(const Primitive& primitive, bool is_point, PrimitiveAttributes& to) const;
    /// Fills the VGPRs of one lane.
    void load(Wave& wave, unsigned lane, const PixelPosition& pixel, bool front,
              uint32_t layer) const;

  private:
    static constexpr unsigned kNoSprite = 4;

    struct Attribute {
        uint8_t parameter = 0;  // export that it comes from
        bool constant = false;  // DEFAULT_VAL is used in its place
        std::array<float, 4> value{};
        bool flat = false;
        bool sprite = false;
    };

    void set_sprite(PrimitiveAttributes& to, unsigned attribute) const;

    uint32_t address_ = 0;  // SPI_PS_INPUT_ADDR: which inputs have registers
    float position_offset_ = 0.5f;
    bool front_all_bits_ = false;
    unsigned count_ = 0;
    std::array<Attribute, kParameterExports> attributes_{};
    bool sprites_ = false, sprite_top_is_one_ = false;
    uint8_t sprite_source_[4] = {};
};

}  // namespace simgpu::gfx9::draw
