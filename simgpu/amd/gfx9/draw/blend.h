// Blending and logic operations.
#pragma once

#include <cstdint>

namespace simgpu::gfx9::draw {

/// CB_BLENDn_CONTROL.
struct BlendState {
    struct Equation {
        uint8_t source = 1, function = 0, destination = 0;
    };
    bool enabled = false;
    Equation colour, alpha;

    static BlendState from_register(uint32_t control);
    /// Whether a second source colour takes part.
    bool uses_second_source() const;
};

struct Colour {
    float c[4] = {};  // red, green, blue, alpha
};

/// The colours that are blended: `second` is the shader's second colour, `constant` CB_BLEND_RED to
/// _ALPHA.
struct BlendInputs {
    Colour source, second, destination, constant;
};

/// One pixel's result.
Colour blend(const BlendState& state, const BlendInputs& inputs);

/// CB_COLOR_CONTROL.ROP3 on the bits of a pixel: bit n of `rop3` is the result where source and
/// destination bits make up n (source is bit 1). A pattern, bit 2, does not exist.
uint8_t logic_operation(uint8_t rop3, uint8_t source, uint8_t destination);

}  // namespace simgpu::gfx9::draw
