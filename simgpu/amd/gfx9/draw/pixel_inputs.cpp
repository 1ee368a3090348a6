#include "simgpu/amd/gfx9/draw/pixel_inputs.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers).
constexpr uint32_t kInputControl0 = 0x28644, kInputEnable = 0x286cc, kInputAddress = 0x286d0;
constexpr uint32_t kSprites = 0x286d4, kInControl = 0x286d8, kBarycentrics = 0x286e0;

// SPI_PS_INPUT_ADDR, in the order of registers.
enum Input : unsigned {
    kPerspectiveSample,
    kPerspectiveCentre,
    kPerspectiveCentroid,
    kPerspectivePull,
    kLinearSample,
    kLinearCentre,
    kLinearCentroid,
    kLineStipple,
    kX,
    kY,
    kZ,
    kW,
    kFrontFace,
    kAncillary,
    kCoverage,
    kFixedPosition,
    kInputs,
};
constexpr uint8_t kRegisters[kInputs] = {2, 2, 2, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1};

// DEFAULT_VAL: 0000, 0001, 1110, 1111.
std::array<float, 4> default_value(unsigned which) {
    const float rgb = which & 2 ? 1.0f : 0.0f, alpha = which & 1 ? 1.0f : 0.0f;
    return {rgb, rgb, rgb, alpha};
}

}  // namespace

PixelInputs::PixelInputs(const RegisterReader& registers, int32_t pixel_centre) {
    address_ = registers(kInputAddress) | registers(kInputEnable);
    const uint32_t barycentrics = registers(kBarycentrics);
    position_is_corner_ = bit_of(barycentrics, 20) || pixel_centre == 0;  // POS_FLOAT_ULC
    position_at_ = static_cast<PositionAt>(std::min(bits(barycentrics, 16, 2), 2u));
    front_all_bits_ = bit_of(barycentrics, 24);
    count_ = std::min(bits(registers(kInControl), 0, 6), kParameterExports);
    const uint32_t sprites = registers(kSprites);
    sprites_ = bit_of(sprites, 1);
    sprite_top_is_one_ = bit_of(sprites, 14);
    for (unsigned i = 0; i < 4; i++)
        sprite_source_[i] = static_cast<uint8_t>(bits(sprites, 2 + 3 * i, 3));
    for (unsigned i = 0; i < count_; i++) {
        const uint32_t control = registers(kInputControl0 + 4 * i);
        Attribute& attribute = attributes_[i];
        attribute.parameter = static_cast<uint8_t>(bits(control, 0, 5));
        attribute.constant = bit_of(control, 5);
        attribute.value = default_value(bits(control, 8, 2));
        attribute.flat = bit_of(control, 10);
        attribute.sprite = bit_of(control, 17);
    }
}

void PixelInputs::set_sprite(PrimitiveAttributes& to, unsigned attribute) const {
    for (unsigned c = 0; c < 4; c++) {
        float* p0 = &to.p0[attribute][c];
        float& p10 = to.p10[attribute][c];
        float& p20 = to.p20[attribute][c];
        switch (sprite_source_[c]) {
            case 0:
            case 1:  // a constant 0 or 1
                *p0 = sprite_source_[c], p10 = p20 = 0;
                break;
            case 2:  // S, from left to right
                *p0 = 0, p10 = 1, p20 = 0;
                break;
            case 3:  // T, from the top down or from the bottom up
                *p0 = sprite_top_is_one_ ? 1.0f : 0.0f, p10 = 0;
                p20 = sprite_top_is_one_ ? -1.0f : 1.0f;
                break;
            default:
                break;
        }
    }
}

void PixelInputs::attributes(const Primitive& primitive, bool is_point,
                             PrimitiveAttributes& to) const {
    for (unsigned i = 0; i < count_; i++) {
        const Attribute& attribute = attributes_[i];
        const bool flat = attribute.flat || is_point;
        const unsigned first = attribute.flat ? primitive.provoking : 0;
        for (unsigned c = 0; c < 4; c++) {
            const auto at = [&](unsigned vertex) {
                return attribute.constant
                           ? attribute.value[c]
                           : primitive.vertex[vertex]->parameter[attribute.parameter][c];
            };
            const float value = at(first);
            to.p0[i][c] = value;
            to.p10[i][c] = flat ? 0 : at(1) - value;
            to.p20[i][c] = flat || primitive.count() < 3 ? 0 : at(2) - value;
        }
        if (is_point && sprites_ && attribute.sprite) set_sprite(to, i);
    }
}

PixelInputs::Wanted PixelInputs::wanted() const {
    const auto any = [this](unsigned first, unsigned last) {
        return bits(address_, first, last - first + 1) != 0;
    };
    return {any(kPerspectiveSample, kPerspectivePull), any(kLinearSample, kLinearCentroid),
            bit_of(address_, kZ)};
}

void PixelInputs::load(Wave& wave, std::span<const PixelQuad> quads) const {
    unsigned next = 0;
    // One register of all lanes.
    const auto put = [&](auto value) {
        if (next >= kVgprs) return;
        uint32_t* lane = wave.v[next++].lane;
        for (const PixelQuad& quad : quads)
            for (const PixelPosition& pixel : quad.pixel) *lane++ = value(pixel, quad);
    };
    const auto put_float = [&](auto value) {
        put([&](const PixelPosition& pixel, const PixelQuad&) { return as_word(value(pixel)); });
    };
    const auto put_pair = [&](auto pair) {
        for (unsigned i = 0; i < 2; i++)
            put_float([&](const PixelPosition& pixel) { return pair(pixel)[i]; });
    };
    using Position = const PixelPosition&;
    for (unsigned input = 0; input < kInputs; input++) {
        if (!bit_of(address_, input)) continue;
        switch (input) {
            case kPerspectiveSample:
                put_pair([](Position pixel) { return pixel.sample.perspective; });
                break;
            case kPerspectiveCentre:
                put_pair([](Position pixel) { return pixel.centre.perspective; });
                break;
            case kPerspectiveCentroid:
                put_pair([](Position pixel) { return pixel.centroid.perspective; });
                break;
            case kPerspectivePull:
                for (unsigned i = 0; i < 2; i++)
                    put_float([i](Position pixel) {
                        return pixel.centre.perspective[i] * pixel.inverse_w;
                    });
                put_float([](Position pixel) { return pixel.inverse_w; });
                break;
            case kLinearSample:
                put_pair([](Position pixel) { return pixel.sample.linear; });
                break;
            case kLinearCentre:
                put_pair([](Position pixel) { return pixel.centre.linear; });
                break;
            case kLinearCentroid:
                put_pair([](Position pixel) { return pixel.centroid.linear; });
                break;
            case kX:
                put_float([](Position pixel) { return pixel.float_x; });
                break;
            case kY:
                put_float([](Position pixel) { return pixel.float_y; });
                break;
            case kZ:
                put_float([](Position pixel) { return pixel.z; });
                break;
            case kW:
                put_float([](Position pixel) { return pixel.w; });
                break;
            case kFrontFace:
                put([this](Position, const PixelQuad& quad) {
                    return front_all_bits_ ? (quad.front ? ~0u : 0u)
                                           : as_word(quad.front ? 1.0f : -1.0f);
                });
                break;
            case kAncillary:  // the sample from bit 8, the render target's array index from 16 on
                put([](Position pixel, const PixelQuad& quad) {
                    return quad.layer << 16 | uint32_t{pixel.iteration} << 8;
                });
                break;
            case kCoverage:
                put([](Position pixel, const PixelQuad&) { return uint32_t{pixel.coverage}; });
                break;
            case kFixedPosition:
                put([](Position pixel, const PixelQuad&) {
                    return (static_cast<uint32_t>(pixel.x) & 0xffff) |
                           static_cast<uint32_t>(pixel.y) << 16;
                });
                break;
            default:
                next += kRegisters[input];
                break;
        }
    }
}

}  // namespace simgpu::gfx9::draw
