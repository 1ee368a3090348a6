#include "simgpu/amd/gfx9/draw/colour_format.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/surface/srgb.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kNumberSrgb = 6;  // CB's; the same number means something else to images
constexpr uint32_t kNumberUnorm = 0, kNumberUint = 4, kNumberSint = 5;

// Which colour component lies first, second, ... in memory, by COMP_SWAP (STD, ALT, STD_REV,
// ALT_REV) and number of components (CB_COLOR0_INFO in the register headers).
constexpr std::array<uint8_t, 4> kSources[4][4] = {
    {{0, 1, 2, 3}, {1, 0, 2, 3}, {2, 1, 0, 3}, {3, 1, 2, 0}},
    {{0, 1, 2, 3}, {0, 3, 2, 1}, {1, 0, 2, 3}, {3, 0, 2, 1}},
    {{0, 1, 2, 3}, {0, 1, 3, 2}, {2, 1, 0, 3}, {3, 1, 0, 2}},
    {{0, 1, 2, 3}, {2, 1, 0, 3}, {3, 2, 1, 0}, {3, 0, 1, 2}},
};

/// Integers that a component has no room for become the nearest ones that it has.
uint32_t saturated(uint32_t value, unsigned bits, bool is_signed) {
    if (bits == 0 || bits >= 32) return value;
    if (!is_signed) return std::min(value, (1u << bits) - 1);
    const int32_t most = (1 << (bits - 1)) - 1;
    return static_cast<uint32_t>(std::clamp(static_cast<int32_t>(value), -most - 1, most));
}

}  // namespace

ColourFormat::ColourFormat(uint32_t format, uint32_t number, uint32_t swap)
    : texel_{format, number == kNumberSrgb ? kNumberUnorm : number}, srgb_(number == kNumberSrgb) {
    if (const unsigned components = texel_.components())
        source_ = kSources[components - 1][swap & 3];
}

void ColourFormat::unpack(const uint8_t* pixel, uint32_t (&colour)[4]) const {
    uint32_t stored[4];
    unpack_texel(texel_, pixel, stored);
    const uint32_t one = is_integer() ? 1u : as_word(1.0f);
    colour[0] = colour[1] = colour[2] = 0;
    colour[3] = one;
    for (unsigned i = 0; i < texel_.components(); i++) colour[source_[i]] = stored[i];
    if (!srgb_) return;
    for (unsigned i = 0; i < 3; i++) colour[i] = as_word(srgb_to_linear(as_float(colour[i])));
}

void ColourFormat::pack(const uint32_t (&colour)[4], uint8_t* pixel) const {
    uint32_t stored[4] = {};
    for (unsigned i = 0; i < texel_.components(); i++) {
        stored[i] = colour[source_[i]];
        if (srgb_ && source_[i] < 3) stored[i] = as_word(linear_to_srgb(as_float(stored[i])));
        if (is_integer())
            stored[i] =
                saturated(stored[i], texel_.component_bits(i), texel_.number == kNumberSint);
    }
    pack_texel(texel_, stored, pixel);
}

void ColourFormat::mask(unsigned write_mask, uint8_t* pixel) const {
    uint32_t stored[4] = {};
    for (unsigned i = 0; i < texel_.components(); i++)
        if (write_mask >> source_[i] & 1) stored[i] = ~0u;
    pack_texel({texel_.data, kNumberUint}, stored, pixel);
}

}  // namespace simgpu::gfx9::draw
