// Image instructions on a small image in memory.
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/image/address.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

constexpr uint64_t kImage = 0x100000;
constexpr uint32_t kWidth = 8, kHeight = 4;
constexpr uint32_t k32 = 4, k8888 = 10;             // IMG_DATA_FORMAT
constexpr uint32_t kUnorm = 0, kUint = 4;           // IMG_NUM_FORMAT
constexpr uint32_t kType2d = 9, kType2dArray = 13;  // SQ_RSRC_IMG_*
constexpr uint32_t kSelectRgba = 4 | 5 << 3 | 6 << 6 | 7 << 9;

class ImageOps : public testing::Test {
  protected:
    ImageOps() {
        bench_.fake.map(kImage, 1 << 16);
        describe(k32, kUint);
        bench_.wave->set_exec(1);
    }
    /// A linear image whose rows are 64 texels apart, in s[8:15].
    void describe(uint32_t data, uint32_t number, uint32_t type = kType2d,
                  uint32_t last_slice = 0) {
        uint32_t* s = &bench_.wave->s[8];
        s[0] = kImage >> 8;
        s[1] = data << 20 | number << 26;
        s[2] = (kWidth - 1) | (kHeight - 1) << 14;
        s[3] = kSelectRgba | type << 28;
        s[4] = last_slice | 63u << 13;
        s[5] = s[6] = s[7] = 0;
    }
    /// Texel filters and wrapping of the sampler in s[16:19].
    void describe_sampler(uint32_t wrap, bool linear) {
        uint32_t* s = &bench_.wave->s[16];
        s[0] = wrap | wrap << 3 | wrap << 6;
        s[1] = 0xfffu << 12;
        s[2] = linear ? 1u << 20 | 1u << 22 : 0;
        s[3] = 0;
    }
    uint32_t& texel(uint32_t x, uint32_t y, uint32_t slice = 0) {
        return bench_.fake.dword(kImage + ((slice * kHeight + y) * 64 + x) * 4);
    }
    void at(uint32_t x, uint32_t y, uint32_t z = 0) {
        bench_.fill(4, x);
        bench_.fill(5, y);
        bench_.fill(6, z);
    }
    void at_place(float x, float y) { at(as_word(x), as_word(y)); }

    WaveBench bench_;
};

TEST_F(ImageOps, LoadsATexelInItsFormat) {
    texel(3, 2) = 0x80ff4000;
    describe(k8888, kUnorm);
    at(3, 2);
    bench_.run({"image_load v[0:3], v[4:5], s[8:15] dmask:0xf unorm", {0xf0001f00, 0x00020004}});
    EXPECT_EQ(as_float(bench_.lane(0, 0)), 0);
    EXPECT_FLOAT_EQ(as_float(bench_.lane(1, 0)), 64 / 255.0f);
    EXPECT_EQ(as_float(bench_.lane(2, 0)), 1);
    EXPECT_FLOAT_EQ(as_float(bench_.lane(3, 0)), 128 / 255.0f);
    bench_.run({"image_load v[0:1], v[4:5], s[8:15] dmask:0xa unorm", {0xf0001a00, 0x00020004}});
    EXPECT_FLOAT_EQ(as_float(bench_.lane(1, 0)), 128 / 255.0f) << "packed by DMASK";
    bench_.run(
        {"image_load v[0:1], v[4:5], s[8:15] dmask:0xf unorm d16", {0xf0001f00, 0x80020004}});
    EXPECT_EQ(bench_.lane(1, 0) & 0xffff, 0x3c00u);
}

TEST_F(ImageOps, ColoursMayShareAnExponent) {
    constexpr uint32_t k5999 = 34, kFloat = 7;
    texel(1, 1) = 256 | 1u << 9 | 511u << 18 | 17u << 27;  // in units of 2^(17 - 15 - 9)
    describe(k5999, kFloat);
    at(1, 1);
    bench_.run({"image_load v[0:3], v[4:5], s[8:15] dmask:0xf unorm", {0xf0001f00, 0x00020004}});
    EXPECT_EQ(as_float(bench_.lane(0, 0)), 2);
    EXPECT_EQ(as_float(bench_.lane(1, 0)), 1 / 128.0f);
    EXPECT_EQ(as_float(bench_.lane(2, 0)), 511 / 128.0f);
    EXPECT_EQ(as_float(bench_.lane(3, 0)), 1);
}

TEST_F(ImageOps, OutsideIsBlackAndNotWritten) {
    at(kWidth, 0);
    bench_.fill(0, 99);
    bench_.run({"image_load v0, v[4:5], s[8:15] dmask:0x1 unorm", {0xf0001100, 0x00020004}});
    EXPECT_EQ(bench_.lane(0, 0), 0u);
    bench_.fill(0, 99);
    bench_.run({"image_store v0, v[4:5], s[8:15] dmask:0x1 unorm", {0xf0201100, 0x00020004}});
    EXPECT_EQ(bench_.fake.dword(kImage + kWidth * 4), 0u);
    EXPECT_EQ(bench_.wave->status, Wave::Status::kRunning);
}

TEST_F(ImageOps, StoresATexel) {
    at(7, 3);
    bench_.fill(0, 0x12345678);
    bench_.run({"image_store v0, v[4:5], s[8:15] dmask:0x1 unorm", {0xf0201100, 0x00020004}});
    EXPECT_EQ(texel(7, 3), 0x12345678u);
}

TEST_F(ImageOps, SlicesOfAnArray) {
    describe(k32, kUint, kType2dArray, 2);
    texel(1, 1, 2) = 42;
    at(1, 1, 2);
    bench_.run({"image_load v0, v[4:6], s[8:15] dmask:0x1 unorm da", {0xf0005100, 0x00020004}});
    EXPECT_EQ(bench_.lane(0, 0), 42u);
    bench_.fill(6, 3);
    bench_.run({"image_load v0, v[4:6], s[8:15] dmask:0x1 unorm da", {0xf0005100, 0x00020004}});
    EXPECT_EQ(bench_.lane(0, 0), 0u);
}

TEST_F(ImageOps, Atomics) {
    texel(0, 0) = 10;
    at(0, 0);
    bench_.fill(0, 5);
    bench_.run(
        {"image_atomic_add v0, v[4:5], s[8:15] dmask:0x1 unorm glc", {0xf0483100, 0x00020004}});
    EXPECT_EQ(texel(0, 0), 15u);
    EXPECT_EQ(bench_.lane(0, 0), 10u);
    bench_.fill(0, 77);
    bench_.fill(1, 15);
    bench_.run({"image_atomic_cmpswap v[0:1], v[4:5], s[8:15] dmask:0x3 unorm glc",
                {0xf0443300, 0x00020004}});
    EXPECT_EQ(texel(0, 0), 77u);
}

TEST_F(ImageOps, Sizes) {
    bench_.fill(4, 0);
    bench_.run({"image_get_resinfo v[0:3], v4, s[8:15] dmask:0xf unorm", {0xf0381f00, 0x00020004}});
    EXPECT_EQ(bench_.lane(0, 0), kWidth);
    EXPECT_EQ(bench_.lane(1, 0), kHeight);
    EXPECT_EQ(bench_.lane(3, 0), 1u);
}

TEST_F(ImageOps, IntegersOf16BitsAreExtendedByTheirSign) {
    constexpr uint32_t kSint = 5;
    const auto stored = [&](uint32_t number) {
        describe(k32, number);
        at(3, 2);
        bench_.fill(0, 0xfff1);
        bench_.run(
            {"image_store v0, v[4:5], s[8:15] dmask:0x1 unorm d16", {0xf0201100, 0x80020004}});
        return texel(3, 2);
    };
    EXPECT_EQ(stored(kSint), 0xfffffff1u);
    EXPECT_EQ(stored(kUint), 0xfff1u);
}

TEST_F(ImageOps, SamplesMixNeighbours) {
    describe(k8888, kUnorm);
    texel(1, 1) = 0xff, texel(2, 1) = 0x33;
    describe_sampler(2, true);
    at_place(2.0f / kWidth, 1.5f / kHeight);  // between the two
    bench_.run(
        {"image_sample_lz v0, v[4:5], s[8:15], s[16:19] dmask:0x1", {0xf09c0100, 0x00820004}});
    EXPECT_FLOAT_EQ(as_float(bench_.lane(0, 0)), (1 + 0.2f) / 2);
    describe_sampler(2, false);
    bench_.run(
        {"image_sample_lz v0, v[4:5], s[8:15], s[16:19] dmask:0x1", {0xf09c0100, 0x00820004}});
    EXPECT_FLOAT_EQ(as_float(bench_.lane(0, 0)), 0.2f);
}

// Of whatever kind: here it makes a texel that is magnified one that is minified.
TEST_F(ImageOps, TheSamplersBiasIsAddedToAnExplicitLevel) {
    describe(k8888, kUnorm);
    texel(1, 1) = 0xff, texel(2, 1) = 0x33;
    describe_sampler(2, false);
    bench_.wave->s[18] = 1u << 22;  // linear where minified
    at(as_word(2.0f / kWidth), as_word(1.5f / kHeight), as_word(0));
    const auto sampled = [&] {
        bench_.run(
            {"image_sample_l v0, v[4:6], s[8:15], s[16:19] dmask:0x1", {0xf0900100, 0x00820004}});
        return as_float(bench_.lane(0, 0));
    };
    EXPECT_FLOAT_EQ(sampled(), 0.2f);
    bench_.wave->s[18] |= 256;  // a bias of 1
    EXPECT_FLOAT_EQ(sampled(), (1 + 0.2f) / 2);
}

// As for GL's DEPTH_TEXTURE_MODE: LUMINANCE, and ALPHA.
TEST_F(ImageOps, ComparisonsComeBeforeTheSelectionOfComponents) {
    constexpr uint32_t kFloat = 7, kLess = 1, kOne = 1, kX = 4;
    describe(k32, kFloat);
    texel(3, 2) = as_word(0.5f);
    describe_sampler(2, false);
    bench_.wave->s[16] |= kLess << 12;
    const auto sampled = [&](uint32_t selects, float reference) {
        bench_.wave->s[11] = selects | kType2d << 28;
        at(as_word(reference), as_word(3.5f / kWidth), as_word(2.5f / kHeight));
        bench_.run({"image_sample_c_lz v[0:3], v[4:6], s[8:15], s[16:19] dmask:0xf",
                    {0xf0bc0f00, 0x00820004}});
        std::array<float, 4> result;
        for (unsigned i = 0; i < 4; i++) result[i] = as_float(bench_.lane(i, 0));
        return result;
    };
    const uint32_t luminance = kX | kX << 3 | kX << 6 | kOne << 9, alpha = kX << 9;
    EXPECT_EQ(sampled(luminance, 0.25f), (std::array<float, 4>{1, 1, 1, 1}));
    EXPECT_EQ(sampled(luminance, 0.75f), (std::array<float, 4>{0, 0, 0, 1}));
    EXPECT_EQ(sampled(alpha, 0.25f), (std::array<float, 4>{0, 0, 0, 1}));
    EXPECT_EQ(sampled(alpha, 0.75f), (std::array<float, 4>{0, 0, 0, 0}));
}

TEST_F(ImageOps, WrappingModes) {
    describe(k8888, kUnorm);
    for (uint32_t x = 0; x < kWidth; x++) texel(x, 0) = 10 * (x + 1);
    const auto sampled = [&](uint32_t wrap, float x) {
        describe_sampler(wrap, false);
        at_place(x / kWidth, 0.125f);
        bench_.run(
            {"image_sample_lz v0, v[4:5], s[8:15], s[16:19] dmask:0x1", {0xf09c0100, 0x00820004}});
        return static_cast<int>(as_float(bench_.lane(0, 0)) * 255 / 10 + 0.5f) - 1;
    };
    EXPECT_EQ(sampled(0, 9.5f), 1);  // repeat
    EXPECT_EQ(sampled(0, -0.5f), 7);
    EXPECT_EQ(sampled(1, 9.5f), 6);  // mirror
    EXPECT_EQ(sampled(1, -1.5f), 1);
    EXPECT_EQ(sampled(2, 9.5f), 7);  // clamp to the edge
    EXPECT_EQ(sampled(2, -9.5f), 0);
    EXPECT_EQ(sampled(3, -2.5f), 2);   // mirror once
    EXPECT_EQ(sampled(6, -0.5f), -1);  // the border, which is black
}

TEST_F(ImageOps, HalfOfTheBorderIsMixedIn) {
    describe(k8888, kUnorm);
    for (uint32_t x = 0; x < kWidth; x++) texel(x, 0) = 200;
    const auto sampled = [&](uint32_t wrap, bool linear, float x) {
        describe_sampler(wrap, linear);
        at_place(x / kWidth, 0.5f / kHeight);
        bench_.run(
            {"image_sample_lz v0, v[4:5], s[8:15], s[16:19] dmask:0x1", {0xf09c0100, 0x00820004}});
        return static_cast<int>(as_float(bench_.lane(0, 0)) * 255 + 0.5f);
    };
    constexpr uint32_t kClamp = 4, kMirror = 5;
    EXPECT_EQ(sampled(kClamp, false, -3), 200);
    EXPECT_EQ(sampled(kClamp, false, 12), 200);
    EXPECT_EQ(sampled(kClamp, true, -3), 100);
    EXPECT_EQ(sampled(kClamp, true, 12), 100);
    EXPECT_EQ(sampled(kClamp, true, kWidth - 0.25f), 150);
    EXPECT_EQ(sampled(kMirror, false, -12), 200);
    EXPECT_EQ(sampled(kMirror, true, -3), 200);
    EXPECT_EQ(sampled(kMirror, true, -12), 100);
}

// A place is the same direction from the middle of the cube, whatever the face.
TEST(Cube, PlacesMoveToTheFacesBeside) {
    const auto moved = [](float s, float t, float from, float to) {
        float place[4] = {s, t, from};
        EXPECT_TRUE(move_to_face(place, to));
        return std::array<float, 3>{place[0], place[1], place[2]};
    };
    // The right edge of +Z is the left edge of +X, and its upper edge the lower one of +Y.
    EXPECT_EQ(moved(2, 1.25f, 4, 0), (std::array<float, 3>{1, 1.25f, 0}));
    EXPECT_EQ(moved(1.25f, 1, 4, 2), (std::array<float, 3>{1.25f, 2, 2}));
    EXPECT_EQ(moved(1, 1.75f, 4 + 8, 1 + 8), (std::array<float, 3>{2, 1.75f, 9}));
    float behind[4] = {1.5f, 1.5f, 5};
    EXPECT_FALSE(move_to_face(behind, 4));
}

TEST_F(ImageOps, WhatIsNotSimulatedIsAnUnknownInstruction) {
    bench_.wave->s[8 + 6] = 1u << 21;  // COMPRESSION_EN
    at(0, 0);
    bench_.run({"image_load v0, v[4:5], s[8:15] dmask:0x1 unorm", {0xf0001100, 0x00020004}});
    EXPECT_EQ(bench_.wave->status, Wave::Status::kUnknown);
}

/// A tiled image of 64x64 whose metadata is at kMetadata.
class CompressedImage : public ImageOps {
  protected:
    CompressedImage() { bench_.fake.map(kMetadata, 1 << 16); }
    void describe_compressed(uint32_t data, uint32_t number, uint32_t mode) {
        describe(data, number);
        uint32_t* s = &bench_.wave->s[8];
        s[2] = 63 | 63u << 14;
        s[3] |= mode << 20;
        s[4] = 255u << 13;
        s[6] = 1u << 21 | 1u << 22;  // COMPRESSION_EN, ALPHA_IS_ON_MSB
        s[7] = kMetadata >> 8;
    }
    void fill_metadata(uint32_t word) {
        for (uint64_t i = 0; i < 1 << 14; i++) bench_.fake.dword(kMetadata + i * 4) = word;
    }
    void fill_data(uint32_t word) {
        for (uint64_t i = 0; i < 1 << 14; i++) bench_.fake.dword(kImage + i * 4) = word;
    }
    /// Component 0, 1 or 3 of the texel at 9, 9; nothing if the wave does not go on.
    std::optional<uint32_t> loaded(unsigned component) {
        at(9, 9);
        bench_.wave->status = Wave::Status::kRunning;
        bench_.run(
            {"image_load v[0:3], v[4:5], s[8:15] dmask:0xf unorm", {0xf0001f00, 0x00020004}});
        if (bench_.wave->status != Wave::Status::kRunning) return {};
        return bench_.lane(component, 0);
    }
    static constexpr uint64_t kMetadata = 0x300000;
    static constexpr uint32_t k64kZ = 8, k64kS = 9;
};

TEST_F(CompressedImage, DccKeysAreColours) {
    describe_compressed(k8888, kUnorm, k64kS);
    fill_data(0x80808080);
    const uint32_t one = as_word(1.0f);
    fill_metadata(0x40404040);
    EXPECT_EQ(loaded(0), 0u);
    EXPECT_EQ(loaded(3), one);
    fill_metadata(0x80808080);
    EXPECT_EQ(loaded(0), one);
    EXPECT_EQ(loaded(3), 0u);
    fill_metadata(0xffffffff);
    EXPECT_EQ(loaded(3), as_word(128 / 255.0f));
    fill_metadata(0x20202020);
    EXPECT_FALSE(loaded(0)) << "only colour units have the register";
    EXPECT_EQ(bench_.wave->status, Wave::Status::kUnknown);
}

TEST_F(CompressedImage, IntegersAreAsLargeAsTheyGet) {
    constexpr uint32_t kSint = 5;
    describe_compressed(k8888, kSint, k64kS);
    fill_metadata(0xc0c0c0c0);
    EXPECT_EQ(loaded(0), 127u);
    describe_compressed(k8888, kUint, k64kS);
    EXPECT_EQ(loaded(0), 255u);
}

TEST_F(CompressedImage, HtileIsDepth) {
    constexpr uint32_t kFloat = 7, kS8_32 = 60;
    describe_compressed(k32, kFloat, k64kZ);
    fill_data(as_word(0.75f));
    fill_metadata(0xfffc00f0);
    EXPECT_EQ(loaded(0), as_word(1.0f));
    fill_metadata(0x000000f0);
    EXPECT_EQ(loaded(0), 0u);
    fill_metadata(0xfffff3ff);
    EXPECT_EQ(loaded(0), as_word(0.75f));
    fill_metadata(0x7ffc00f0);
    EXPECT_FALSE(loaded(0)) << "cleared to something in between";
    describe_compressed(kS8_32, kUint, k64kZ);
    fill_data(0x05050505);
    fill_metadata(0xfffff3ff);
    EXPECT_EQ(loaded(0), 5u);
    fill_metadata(0xfffff0ff);
    EXPECT_EQ(loaded(0), 0u);
}

TEST_F(CompressedImage, FmaskNamesFragments) {
    constexpr uint32_t kFmask = 45, k8_4_4 = 5;
    describe_compressed(kFmask, k8_4_4, k64kZ);
    fill_data(0xe1e1e1e1);  // samples 3, 2, 1, 0 in fragments 3, 2, 0, 1
    fill_metadata(0xffffffff);
    EXPECT_EQ(loaded(0), 0x3201u);
    fill_metadata(0xcccccccc);
    EXPECT_EQ(loaded(0), 0u);
}

TEST_F(CompressedImage, StoresWouldLeaveMetadataBehind) {
    describe_compressed(k8888, kUnorm, k64kS);
    at(9, 9);
    bench_.run({"image_store v0, v[4:5], s[8:15] dmask:0x1 unorm", {0xf0201100, 0x00020004}});
    EXPECT_EQ(bench_.wave->status, Wave::Status::kUnknown);
}

TEST_F(ImageOps, SamplesAreLoadedByNumber) {
    constexpr uint32_t kType2dSamples = 14, k64kS = 9;
    describe(k32, kUint, kType2dSamples);
    uint32_t* s = &bench_.wave->s[8];
    s[3] |= 2u << 16 | k64kS << 20;  // four samples
    s[4] = 63u << 13;
    s[5] = 2u << 28;
    // Each sample has a quarter of the 64 KiB block.
    for (uint32_t i = 0; i < 4; i++) bench_.fake.dword(kImage + i * 16384) = 100 + i;
    for (uint32_t i = 0; i < 4; i++) {
        at(0, 0, i);
        bench_.run({"image_load v0, v[4:6], s[8:15] dmask:0x1 unorm", {0xf0001100, 0x00020004}});
        EXPECT_EQ(bench_.lane(0, 0), 100 + i);
    }
    at(0, 0, 4);
    bench_.run({"image_load v0, v[4:6], s[8:15] dmask:0x1 unorm", {0xf0001100, 0x00020004}});
    EXPECT_EQ(bench_.lane(0, 0), 0u) << "there is no sample 4";
}

TEST_F(ImageOps, FaultsEndTheWave) {
    bench_.wave->s[8] = 0x7000000;
    at(0, 0);
    bench_.run({"image_load v0, v[4:5], s[8:15] dmask:0x1 unorm", {0xf0001100, 0x00020004}});
    EXPECT_EQ(bench_.wave->status, Wave::Status::kFault);
}

}  // namespace
}  // namespace simgpu::gfx9::test
