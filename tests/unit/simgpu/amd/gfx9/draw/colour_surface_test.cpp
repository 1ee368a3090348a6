// Colour buffers with metadata: what a pixel holds once it has been opened.
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "simgpu/amd/gfx9/draw/colour_surface.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::draw {
namespace {

// Byte addresses of CB_COLOR0_*.
enum Register : uint32_t {
    kPitch = 0x287a0,
    kBase = 0x28c60,
    kSize = 0x28c68,
    kInfo = 0x28c70,
    kAttributes = 0x28c74,
    kCmask = 0x28c7c,
    kFmask = 0x28c84,
    kClearWords = 0x28c8c,
    kDcc = 0x28c94,
};
constexpr uint64_t kPixels = 0x100000, kKeys = 0x400000, kNibbles = 0x500000, kIndices = 0x600000;
constexpr uint32_t kFormat8888 = 10, kStandard64k = 9, kZ64k = 8;
constexpr uint32_t kFastClear = 1u << 13, kCompression = 1u << 14, kDccEnable = 1u << 28;
constexpr uint32_t kReverse = 2;  // COMP_SWAP: STD_REV
constexpr unsigned kPixelsWide = 64;

class ColourSurfaceTest : public testing::Test {
  protected:
    ColourSurfaceTest() {
        for (const uint64_t va : {kPixels, kKeys, kNibbles, kIndices}) memory_.map(va, 1 << 18);
        registers_[kPitch] = 127;
        registers_[kBase] = kPixels >> 8;
        registers_[kSize] = (kPixelsWide - 1) | (kPixelsWide - 1) << 14;
        registers_[kCmask] = kNibbles >> 8;
        registers_[kFmask] = kIndices >> 8;
        registers_[kDcc] = kKeys >> 8;
        registers_[kClearWords] = 0x44332211;
    }
    /// Flags of CB_COLOR0_INFO, and log2 of the samples.
    ColourSurface make(uint32_t flags, uint32_t sample_bits = 0, uint32_t swap = 0) {
        registers_[kInfo] = kFormat8888 << 2 | swap << 11 | flags;
        registers_[kAttributes] =
            sample_bits << 12 | sample_bits << 15 | kStandard64k << 18 | kZ64k << 23;
        return ColourSurface([this](uint32_t byte) { return registers_[byte]; }, 0,
                             ColourFormat(kFormat8888, 0, swap), {});
    }
    void fill(uint64_t va, uint8_t byte) { std::memset(memory_.at(va), byte, 1 << 18); }
    uint32_t sample(const ColourSurface& surface, uint32_t x, uint32_t y, unsigned s = 0) {
        return memory_.dword(surface.address(x, y, 0, s));
    }

    std::map<uint32_t, uint32_t> registers_;
    test::FakeMemory memory_;
    ShaderMemory shader_memory_{memory_};
};

TEST_F(ColourSurfaceTest, DccKeysStandForColours) {
    struct Case {
        uint8_t key;
        uint32_t swap, pixel;
    };
    constexpr Case kCases[] = {
        {0x00, 0, 0},          {0x40, 0, 0xff000000},        {0x80, 0, 0x00ffffff},
        {0xc0, 0, 0xffffffff}, {0x20, 0, 0x44332211},        {0x10, 0, 0x77777777},
        {0xff, 0, 0x77777777}, {0x40, kReverse, 0x000000ff}, {0x80, kReverse, 0xffffff00},
    };
    for (const Case& c : kCases) {
        fill(kPixels, 0x77);
        fill(kKeys, c.key);
        ColourSurface surface = make(kDccEnable, 0, c.swap);
        ASSERT_TRUE(surface.open(shader_memory_, 9, 20, 0)) << surface.problem();
        for (uint32_t x = 8; x < 16; x++) EXPECT_EQ(sample(surface, x, 23), c.pixel);
        // The rest of the picture still is what its keys say.
        EXPECT_EQ(sample(surface, 16, 20), 0x77777777u);
        unsigned stored = 0;
        for (unsigned i = 0; i < 1024; i++)
            stored += std::to_integer<unsigned>(*memory_.at(kKeys + i)) == 0xff;
        EXPECT_EQ(stored, c.key == 0xff ? 1024u : 1u);
    }
}

TEST_F(ColourSurfaceTest, CompressedColourIsAProblem) {
    fill(kKeys, 0x33);
    ColourSurface surface = make(kDccEnable);
    EXPECT_FALSE(surface.open(shader_memory_, 0, 0, 0));
    EXPECT_NE(surface.problem().find("compressed colour"), std::string::npos);
}

TEST_F(ColourSurfaceTest, CmaskClearsBlocks) {
    fill(kPixels, 0x77);
    fill(kNibbles, 0);
    ColourSurface surface = make(kFastClear);
    ASSERT_TRUE(surface.open(shader_memory_, 9, 20, 0)) << surface.problem();
    EXPECT_EQ(sample(surface, 8, 16), 0x44332211u);
    EXPECT_EQ(sample(surface, 15, 23), 0x44332211u);
    EXPECT_EQ(sample(surface, 16, 23), 0x77777777u) << "another block";
    fill(kPixels, 0x55);
    ASSERT_TRUE(make(kFastClear).open(shader_memory_, 9, 20, 0));
    EXPECT_EQ(sample(surface, 8, 16), 0x55555555u) << "stored by now";
}

TEST_F(ColourSurfaceTest, SamplesGetFragmentsOfTheirOwn) {
    // All four show fragment 0: as after a clear of colour, or of FMASK alone.
    for (const uint8_t nibbles : {uint8_t{0x00}, uint8_t{0xcc}}) {
        fill(kNibbles, nibbles);
        fill(kPixels, 0x77);
        fill(kIndices, 0xaa);
        ColourSurface surface = make(kFastClear | kCompression, 2);
        for (unsigned s = 1; s < 4; s++) memory_.dword(surface.address(3, 3, 0, s)) = s;
        ASSERT_TRUE(surface.open(shader_memory_, 3, 3, 0)) << surface.problem();
        const uint32_t expected = nibbles ? 0x77777777 : 0x44332211;
        for (unsigned s = 0; s < 4; s++) EXPECT_EQ(sample(surface, 3, 3, s), expected) << s;
    }
}

TEST_F(ColourSurfaceTest, FmaskNamesFragments) {
    fill(kNibbles, 0xff);
    fill(kIndices, 0b01'10'00'01);  // of samples 3, 2, 1 and 0
    ColourSurface surface = make(kFastClear | kCompression, 2);
    for (unsigned s = 0; s < 4; s++) memory_.dword(surface.address(5, 6, 0, s)) = 10 + s;
    ASSERT_TRUE(surface.open(shader_memory_, 5, 6, 0)) << surface.problem();
    const uint32_t expected[] = {11, 10, 12, 11};
    for (unsigned s = 0; s < 4; s++) EXPECT_EQ(sample(surface, 5, 6, s), expected[s]) << s;
    // A second time they are already apart.
    ASSERT_TRUE(surface.open(shader_memory_, 5, 6, 0));
    for (unsigned s = 0; s < 4; s++) EXPECT_EQ(sample(surface, 5, 6, s), expected[s]) << s;
}

TEST_F(ColourSurfaceTest, ExpandingFmaskStoresWhatItSays) {
    fill(kNibbles, 0xcc);
    fill(kIndices, 0xaa);
    ColourSurface surface = make(kFastClear | kCompression, 2);
    ASSERT_TRUE(surface.expand(shader_memory_, 3, 3, 0, true)) << surface.problem();
    unsigned zeros = 0;
    for (unsigned i = 0; i < 1 << 16; i++)
        zeros += std::to_integer<unsigned>(*memory_.at(kIndices + i)) == 0;
    EXPECT_EQ(zeros, 64u) << "one block of 8x8";
}

TEST_F(ColourSurfaceTest, WhatIsNotSimulatedIsReported) {
    EXPECT_EQ(make(0, 3).problem(), "");
    registers_[kAttributes] = 2u << 12 | 1u << 15 | kStandard64k << 18;
    const ColourSurface eqaa([this](uint32_t byte) { return registers_[byte]; }, 0,
                             ColourFormat(kFormat8888, 0, 0), {});
    EXPECT_NE(eqaa.problem().find("fewer fragments"), std::string::npos);
    fill(kNibbles, 0xdd);  // FMASK of four samples with one bit each
    ColourSurface surface = make(kFastClear | kCompression, 2);
    EXPECT_FALSE(surface.open(shader_memory_, 0, 0, 0));
    EXPECT_NE(surface.problem().find("compressed FMASK"), std::string::npos);
}

}  // namespace
}  // namespace simgpu::gfx9::draw
