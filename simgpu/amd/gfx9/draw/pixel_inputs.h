// The initial registers and attributes of a pixel shader: SPI_PS_INPUT_*, SPI_PS_INPUT_CNTL_n.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/draw/geometry.h"

namespace simgpu::gfx9::draw {

/// How much of vertices 1 and 2 a place in a primitive is: I and J.
struct Barycentrics {
    float perspective[2] = {};
    float linear[2] = {};
};

/// One pixel that a shader is run for, or the samples of it that one run is about.
struct PixelPosition {
    int32_t x = 0, y = 0;
    Barycentrics centre, centroid, sample;
    float inverse_w = 1;  // at the centre
    /// The position that the shader sees, and its depth and 1/w.
    float float_x = 0, float_y = 0, z = 0, w = 1;
    uint8_t coverage = 0;  // of the whole pixel
    uint8_t iteration = 0;
};

struct PixelQuad {
    PixelPosition pixel[4];
    bool front = true;
    uint32_t layer = 0;
};

/// Where SPI_BARYC_CNTL.POS_FLOAT_LOCATION puts the position that the shader sees.
enum class PositionAt : uint8_t { kCentre, kCentroid, kSample };

class PixelInputs {
  public:
    PixelInputs(const RegisterReader& registers, int32_t pixel_centre);

    PositionAt position_at() const { return position_at_; }
    bool position_is_corner() const { return position_is_corner_; }
    /// The attributes of `primitive` as they lie in LDS.
    void attributes(const Primitive& primitive, bool is_point, PrimitiveAttributes& to) const;
    /// Whether anybody looks at these values of a position.
    struct Wanted {
        bool perspective, linear, z;
    };
    Wanted wanted() const;
    /// Fills the VGPRs of a wave's first lanes, four for each quad.
    void load(Wave& wave, std::span<const PixelQuad> quads) const;

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
    PositionAt position_at_ = PositionAt::kCentre;
    bool position_is_corner_ = false;  // the upper left one, whatever is covered
    bool front_all_bits_ = false;
    unsigned count_ = 0;
    std::array<Attribute, kParameterExports> attributes_{};
    bool sprites_ = false, sprite_top_is_one_ = false;
    uint8_t sprite_source_[4] = {};
};

}  // namespace simgpu::gfx9::draw
