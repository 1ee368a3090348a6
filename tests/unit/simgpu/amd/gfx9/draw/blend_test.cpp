// Blend equations, logic operations and colour formats.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/blend.h"
#include "simgpu/amd/gfx9/draw/colour_format.h"

namespace simgpu::gfx9::draw {
namespace {

constexpr Colour kSource{{0.25f, 0.5f, 0.75f, 0.5f}};
constexpr Colour kDestination{{0.5f, 0.25f, 1.0f, 0.25f}};
constexpr Colour kConstant{{0.125f, 0.375f, 0.625f, 0.875f}};
constexpr Colour kSecond{{0.0625f, 0.1875f, 0.3125f, 0.4375f}};

Colour blended(uint8_t source, uint8_t function, uint8_t destination) {
    BlendState state;
    state.enabled = true;
    state.colour = state.alpha = {source, function, destination};
    return blend(state, {kSource, kSecond, kDestination, kConstant});
}

TEST(Blend, Factors) {
    // One times the destination's factor is shown by a source of zero times anything.
    const auto factor_of = [](uint8_t factor, unsigned component) {
        return blended(0, 0, factor).c[component] / kDestination.c[component];
    };
    EXPECT_FLOAT_EQ(factor_of(1, 0), 1);
    EXPECT_FLOAT_EQ(factor_of(2, 0), 0.25f);
    EXPECT_FLOAT_EQ(factor_of(3, 0), 0.75f);
    EXPECT_FLOAT_EQ(factor_of(4, 0), 0.5f);
    EXPECT_FLOAT_EQ(factor_of(5, 1), 0.5f);
    EXPECT_FLOAT_EQ(factor_of(6, 0), 0.25f);
    EXPECT_FLOAT_EQ(factor_of(7, 0), 0.75f);
    EXPECT_FLOAT_EQ(factor_of(8, 1), 0.25f);
    EXPECT_FLOAT_EQ(factor_of(9, 1), 0.75f);
    EXPECT_FLOAT_EQ(factor_of(10, 0), 0.5f);  // min(source alpha, 1 - destination alpha)
    EXPECT_FLOAT_EQ(factor_of(10, 3), 1);
    EXPECT_FLOAT_EQ(factor_of(13, 1), 0.375f);
    EXPECT_FLOAT_EQ(factor_of(14, 1), 0.625f);
    EXPECT_FLOAT_EQ(factor_of(15, 1), 0.1875f);
    EXPECT_FLOAT_EQ(factor_of(16, 1), 0.8125f);
    EXPECT_FLOAT_EQ(factor_of(17, 0), 0.4375f);
    EXPECT_FLOAT_EQ(factor_of(18, 0), 0.5625f);
    EXPECT_FLOAT_EQ(factor_of(19, 0), 0.875f);
    EXPECT_FLOAT_EQ(factor_of(20, 0), 0.125f);
}

TEST(Blend, Functions) {
    EXPECT_FLOAT_EQ(blended(1, 0, 1).c[0], 0.75f);
    EXPECT_FLOAT_EQ(blended(1, 1, 1).c[0], -0.25f);
    EXPECT_FLOAT_EQ(blended(1, 4, 1).c[0], 0.25f);
    // Minimum and maximum leave the factors out.
    EXPECT_FLOAT_EQ(blended(0, 2, 0).c[0], 0.25f);
    EXPECT_FLOAT_EQ(blended(0, 3, 0).c[0], 0.5f);
}

TEST(Blend, RegisterFields) {
    // Source alpha, one minus source alpha for colour; one, zero for alpha, separately.
    const uint32_t word = 4 | 5u << 8 | 1u << 16 | 3u << 21 | 1u << 29 | 1u << 30;
    const BlendState state = BlendState::from_register(word);
    EXPECT_TRUE(state.enabled);
    EXPECT_EQ(state.colour.source, 4);
    EXPECT_EQ(state.colour.destination, 5);
    EXPECT_EQ(state.alpha.source, 1);
    EXPECT_EQ(state.alpha.function, 3);
    EXPECT_FALSE(state.uses_second_source());
    EXPECT_TRUE(BlendState::from_register(15 | 1u << 30).uses_second_source());
    EXPECT_EQ(BlendState::from_register(4 | 1u << 30).alpha.source, 4);
}

TEST(Blend, LogicOperations) {
    constexpr uint8_t kS = 0b1100, kD = 0b1010;
    EXPECT_EQ(logic_operation(0x00, kS, kD) & 15, 0);
    EXPECT_EQ(logic_operation(0xcc, kS, kD) & 15, kS);
    EXPECT_EQ(logic_operation(0xaa, kS, kD) & 15, kD);
    EXPECT_EQ(logic_operation(0x88, kS, kD) & 15, kS & kD);
    EXPECT_EQ(logic_operation(0xee, kS, kD) & 15, kS | kD);
    EXPECT_EQ(logic_operation(0x66, kS, kD) & 15, kS ^ kD);
    EXPECT_EQ(logic_operation(0x55, kS, kD) & 15, ~kD & 15);
    EXPECT_EQ(logic_operation(0x44, kS, kD) & 15, kS & ~kD);
    EXPECT_EQ(logic_operation(0xff, kS, kD), 0xff);
}

// CB_COLOR0_INFO fields.
enum Format : uint32_t { k8 = 1, k88 = 3, k32 = 4, k10_11_11 = 6, k2_10_10_10 = 9, k8888 = 10 };
enum { k32323232 = 14, k565 = 16, k1555 = 17 };
enum Number : uint32_t { kUnorm, kSnorm, kUint = 4, kSint = 5, kSrgb = 6, kFloat = 7 };
enum Swap : uint32_t { kStandard, kAlternate, kReversed, kAlternateReversed };

std::vector<uint8_t> packed(ColourFormat format, float r, float g, float b, float a) {
    const uint32_t colour[4] = {as_word(r), as_word(g), as_word(b), as_word(a)};
    std::vector<uint8_t> pixel(16);
    format.pack(colour, pixel.data());
    pixel.resize(format.bytes());
    return pixel;
}
using Bytes = std::vector<uint8_t>;

TEST(ColourFormat, Swaps) {
    const auto bytes = [](Swap swap) {
        return packed({k8888, kUnorm, swap}, 1 / 255.0f, 2 / 255.0f, 3 / 255.0f, 4 / 255.0f);
    };
    EXPECT_EQ(bytes(kStandard), (Bytes{1, 2, 3, 4}));
    EXPECT_EQ(bytes(kAlternate), (Bytes{3, 2, 1, 4}));
    EXPECT_EQ(bytes(kReversed), (Bytes{4, 3, 2, 1}));
    EXPECT_EQ(bytes(kAlternateReversed), (Bytes{4, 1, 2, 3}));
    // One component: red, green, blue or alpha. Two: red and green, red and alpha, ...
    EXPECT_EQ(packed({k8, kUnorm, kAlternateReversed}, 0, 0, 0, 1), (Bytes{255}));
    EXPECT_EQ(packed({k88, kUnorm, kAlternate}, 1, 0, 0, 0.2f), (Bytes{255, 51}));
}

TEST(ColourFormat, RoundsAndClamps) {
    EXPECT_EQ(packed({k8888, kUnorm, kStandard}, -1, 2, 0.5f, NAN), (Bytes{0, 255, 128, 0}));
    EXPECT_EQ(packed({k8888, kSnorm, kStandard}, -1, 1, 0, -2), (Bytes{0x81, 0x7f, 0, 0x81}));
}

TEST(ColourFormat, IntegersSaturate) {
    const auto stored = [](uint32_t number, std::array<int32_t, 4> values) {
        uint32_t colour[4];
        for (unsigned i = 0; i < 4; i++) colour[i] = static_cast<uint32_t>(values[i]);
        std::vector<uint8_t> pixel(4);
        ColourFormat(k8888, number, kStandard).pack(colour, pixel.data());
        return pixel;
    };
    EXPECT_EQ(stored(kUint, {1, 255, 256, 1001}), (Bytes{1, 255, 255, 255}));
    EXPECT_EQ(stored(kSint, {-1, 127, 1001, -129}), (Bytes{0xff, 0x7f, 0x7f, 0x80}));
}

TEST(ColourFormat, PackedFields) {
    // Blue lies lowest in what GL calls RGB565.
    EXPECT_EQ(packed({k565, kUnorm, kReversed}, 1, 0, 0, 0), (Bytes{0x00, 0xf8}));
    EXPECT_EQ(packed({k565, kUnorm, kReversed}, 0, 1, 1, 0), (Bytes{0xff, 0x07}));
    EXPECT_EQ(packed({k1555, kUnorm, kAlternate}, 0, 0, 1, 1), (Bytes{0x1f, 0x80}));
    EXPECT_EQ(packed({k2_10_10_10, kUnorm, kStandard}, 1, 0, 0, 1), (Bytes{0xff, 0x03, 0, 0xc0}));
    EXPECT_EQ(packed({k10_11_11, kFloat, kStandard}, 1, 0, 0, 0), (Bytes{0xc0, 0x03, 0, 0}));
}

TEST(ColourFormat, Srgb) {
    const ColourFormat format{k8888, kSrgb, kStandard};
    // Linear 0.21586 is sRGB 128; alpha stays linear.
    EXPECT_EQ(packed(format, 0.2158605f, 1, 0, 0.5f), (Bytes{128, 255, 0, 128}));
    for (unsigned value = 0; value < 256; value++) {
        const uint8_t pixel[4] = {static_cast<uint8_t>(value), 0, 0, 0};
        uint32_t colour[4];
        format.unpack(pixel, colour);
        uint8_t back[4];
        format.pack(colour, back);
        EXPECT_EQ(back[0], value);
    }
}

TEST(ColourFormat, MissingComponentsReadAsBlackAndOpaque) {
    const uint8_t pixel[1] = {255};
    uint32_t colour[4];
    ColourFormat(k8, kUnorm, kStandard).unpack(pixel, colour);
    EXPECT_EQ(as_float(colour[0]), 1);
    EXPECT_EQ(as_float(colour[1]), 0);
    EXPECT_EQ(as_float(colour[3]), 1);
}

TEST(ColourFormat, WriteMasksFollowTheSwap) {
    uint8_t mask[16];
    ColourFormat(k8888, kUnorm, kAlternate).mask(1, mask);  // red
    EXPECT_EQ(Bytes(mask, mask + 4), (Bytes{0, 0, 0xff, 0}));
    ColourFormat(k565, kUnorm, kReversed).mask(2, mask);  // green
    EXPECT_EQ(Bytes(mask, mask + 2), (Bytes{0xe0, 0x07}));
}

TEST(ColourFormat, WhatIsNotThereHasNoBytes) {
    EXPECT_EQ(ColourFormat(0, kUnorm, kStandard).bytes(), 0u);
    EXPECT_EQ(ColourFormat(13 + 12, kUnorm, kStandard).bytes(), 0u);
    EXPECT_EQ(ColourFormat(k32323232, kFloat, kStandard).bytes(), 16u);
}

}  // namespace
}  // namespace simgpu::gfx9::draw
