// Depth and stencil tests on buffers in memory.
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <map>

#include "simgpu/amd/gfx9/draw/depth_stencil.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::draw {
namespace {

// Byte addresses of the registers that these tests set.
enum Register : uint32_t {
    kRenderControl = 0x28000,
    kView = 0x28008,
    kSize = 0x2801c,
    kDepthClear = 0x2802c,
    kDepthInfo = 0x28038,
    kStencilInfo = 0x2803c,
    kDepthRead = 0x28040,
    kStencilRead = 0x28048,
    kDepthWrite = 0x28050,
    kStencilWrite = 0x28058,
    kPitch = 0x28068,
    kStencilPitch = 0x2806c,
    kStencilOperations = 0x2842c,
    kStencilMasks = 0x28430,
    kControl = 0x28800,
};
enum Function : uint32_t { kNever, kLess, kEqual, kLessEqual, kGreater, kNotEqual, kGreaterEqual };

constexpr uint64_t kDepthVa = 0x100000, kStencilVa = 0x200000;

class DepthStencilTest : public testing::Test {
  protected:
    DepthStencilTest() {
        memory_.map(kDepthVa, 1 << 16);
        memory_.map(kStencilVa, 1 << 16);
        registers_[kSize] = 63 | 63u << 16;
        registers_[kDepthInfo] = 3;  // 32-bit floats, linear
        registers_[kDepthRead] = registers_[kDepthWrite] = kDepthVa >> 8;
        registers_[kStencilRead] = registers_[kStencilWrite] = kStencilVa >> 8;
        registers_[kPitch] = registers_[kStencilPitch] = 63;
    }
    void use_depth(Function function, bool write = true) {
        registers_[kControl] |= 2 | (write ? 4 : 0) | function << 4;
    }
    /// Stencil function and operations of both faces.
    void use_stencil(Function function, uint32_t fail, uint32_t pass, uint32_t depth_fail) {
        registers_[kStencilInfo] = 1;
        registers_[kControl] |= 1 | function << 8;
        registers_[kStencilOperations] = fail | pass << 4 | depth_fail << 8;
    }
    void set_masks(uint32_t reference, uint32_t mask, uint32_t write_mask, uint32_t operand) {
        registers_[kStencilMasks] = reference | mask << 8 | write_mask << 16 | operand << 24;
    }
    bool test(float z, uint32_t x = 2, uint32_t y = 3) {
        DepthStencil depth([this](uint32_t byte) { return registers_[byte]; }, {}, shader_memory_);
        EXPECT_EQ(depth.problem(), "");
        DepthFragment fragment;
        fragment.x = x;
        fragment.y = y;
        fragment.z = z;
        return depth.test(fragment);
    }
    std::string problem() {
        return DepthStencil([this](uint32_t byte) { return registers_[byte]; }, {}, shader_memory_)
            .problem();
    }
    float& depth(uint32_t x = 2, uint32_t y = 3) {
        return *reinterpret_cast<float*>(memory_.at(kDepthVa + (y * 64 + x) * 4));
    }
    uint8_t& stencil(uint32_t x = 2, uint32_t y = 3) {
        return *reinterpret_cast<uint8_t*>(memory_.at(kStencilVa + y * 64 + x));
    }

    std::map<uint32_t, uint32_t> registers_;
    test::FakeMemory memory_;
    ShaderMemory shader_memory_{memory_};
};

TEST_F(DepthStencilTest, FunctionsCompareWithWhatIsThere) {
    struct Case {
        uint32_t function;
        bool less, equal, greater;
    };
    constexpr Case kCases[] = {{0, false, false, false}, {1, true, false, false},
                               {2, false, true, false},  {3, true, true, false},
                               {4, false, false, true},  {5, true, false, true},
                               {6, false, true, true},   {7, true, true, true}};
    for (const Case& c : kCases) {
        registers_[kControl] = 2 | c.function << 4;
        depth() = 0.5f;
        EXPECT_EQ(test(0.25f), c.less) << c.function;
        EXPECT_EQ(test(0.5f), c.equal) << c.function;
        EXPECT_EQ(test(0.75f), c.greater) << c.function;
        EXPECT_EQ(depth(), 0.5f);
    }
}

// Memory that was never cleared holds anything; a clear is a draw that always passes.
TEST_F(DepthStencilTest, AlwaysPassesOverANan) {
    registers_[kControl] = 2 | 4 | 7 << 4;
    depth() = std::numeric_limits<float>::quiet_NaN();
    EXPECT_TRUE(test(0.25f));
    EXPECT_EQ(depth(), 0.25f);
    depth() = std::numeric_limits<float>::quiet_NaN();
    registers_[kControl] = 2 | kNotEqual << 4;
    EXPECT_TRUE(test(0.25f));
    registers_[kControl] = 2 | kLessEqual << 4;
    EXPECT_FALSE(test(0.25f));
}

TEST_F(DepthStencilTest, PassingWrites) {
    use_depth(kLess);
    depth() = 0.5f;
    EXPECT_TRUE(test(0.25f));
    EXPECT_EQ(depth(), 0.25f);
    EXPECT_FALSE(test(0.375f));
    EXPECT_EQ(depth(), 0.25f);
    EXPECT_EQ(depth(3, 3), 0);
}

TEST_F(DepthStencilTest, ReadOnlyViewsStay) {
    use_depth(kLess);
    registers_[kView] = 1u << 24;
    depth() = 0.5f;
    EXPECT_TRUE(test(0.25f));
    EXPECT_EQ(depth(), 0.5f);
}

TEST_F(DepthStencilTest, Unorm24ComparesAsIntegers) {
    use_depth(kEqual);
    registers_[kDepthInfo] = 2;
    const uint32_t stored = 0xff000000u | 0x400000;  // the upper byte does not count
    memory_.dword(kDepthVa + (3 * 64 + 2) * 4) = stored;
    EXPECT_TRUE(test(static_cast<float>(0x400000 / 16777215.0)));
    memory_.dword(kDepthVa + (3 * 64 + 2) * 4) = stored;
    EXPECT_FALSE(test(static_cast<float>(0x400002 / 16777215.0)));
}

TEST_F(DepthStencilTest, Encodings) {
    EXPECT_EQ(encode_depth(DepthFormat::kUnorm16, 1.0f), 0xffffu);
    EXPECT_EQ(encode_depth(DepthFormat::kUnorm16, 0.5f), 0x8000u);
    EXPECT_EQ(encode_depth(DepthFormat::kUnorm24, 2.0f), 0xffffffu);
    EXPECT_EQ(encode_depth(DepthFormat::kUnorm24, -1.0f), 0u);
    EXPECT_EQ(encode_depth(DepthFormat::kFloat32, 0.5f), 0x3f000000u);
    EXPECT_EQ(decode_depth(DepthFormat::kUnorm24, 0xffffff), 1.0f);
}

TEST_F(DepthStencilTest, AStencilThatFailsRunsItsOperationOnly) {
    use_depth(kLess);
    use_stencil(kEqual, 2, 0, 0);  // ones where it fails
    set_masks(5, 0xff, 0xff, 1);
    depth() = 0.5f;
    stencil() = 4;
    EXPECT_FALSE(test(0.25f));
    EXPECT_EQ(stencil(), 0xff);
    EXPECT_EQ(depth(), 0.5f);
}

TEST_F(DepthStencilTest, DepthDecidesBetweenTheOtherTwoOperations) {
    use_depth(kLess);
    use_stencil(kEqual, 0, 5, 7);  // add and clamp on a pass, invert where depth fails
    set_masks(5, 0x0f, 0xff, 1);
    depth() = 0.5f;
    stencil() = 0xf5;  // equal under the mask
    EXPECT_TRUE(test(0.25f));
    EXPECT_EQ(stencil(), 0xf6);
    stencil() = 0xf5;
    EXPECT_FALSE(test(0.75f));
    EXPECT_EQ(stencil(), 0x0a);
}

TEST_F(DepthStencilTest, StencilWritesAreMasked) {
    use_stencil(static_cast<Function>(7), 0, 3, 0);
    set_masks(0x5a, 0xff, 0x0f, 1);
    stencil() = 0xc3;
    EXPECT_TRUE(test(0));
    EXPECT_EQ(stencil(), 0xca);
}

TEST(StencilOperation, All) {
    const auto run = [](unsigned operation) { return stencil_operation(operation, 0xfe, 7, 3); };
    EXPECT_EQ(run(0), 0xfe);
    EXPECT_EQ(run(1), 0);
    EXPECT_EQ(run(2), 0xff);
    EXPECT_EQ(run(3), 7);
    EXPECT_EQ(run(4), 3);
    EXPECT_EQ(run(5), 0xff);
    EXPECT_EQ(run(6), 0xfb);
    EXPECT_EQ(run(7), 0x01);
    EXPECT_EQ(run(8), 0x01);
    EXPECT_EQ(run(9), 0xfb);
    EXPECT_EQ(run(10), 0x02);
    EXPECT_EQ(run(11), 0xff);
    EXPECT_EQ(run(12), 0xfd);
    EXPECT_EQ(stencil_operation(6, 1, 0, 2), 0);
    EXPECT_EQ(stencil_operation(9, 1, 0, 2), 0xff);
}

TEST_F(DepthStencilTest, WhatIsNotSimulatedIsReported) {
    use_depth(kLess);
    EXPECT_EQ(problem(), "");
    registers_[kDepthInfo] = 3 | 1u << 29;  // HTILE of a linear buffer
    EXPECT_NE(problem().find("HTILE"), std::string::npos);
    registers_[kDepthInfo] = 3 | 2u << 2;  // samples of one
    EXPECT_NE(problem().find("reserved swizzle mode"), std::string::npos);
    registers_[kDepthInfo] = 3 | 1u << 29 | 8u << 4;
    registers_[kDepthWrite]++;
    EXPECT_NE(problem().find("read elsewhere"), std::string::npos);
}

/// Depth of 32 bits and stencil, in Z order with HTILE.
class Htile : public DepthStencilTest {
  protected:
    Htile() {
        memory_.map(kHtileVa, 1 << 16);
        registers_[kSize] = 63 | 63u << 16;
        registers_[kDepthInfo] = 3 | 8u << 4 | kTileSurface;
        registers_[kPitch] = registers_[kStencilPitch] = 255;
        registers_[kHtileBase] = kHtileVa >> 8;
        registers_[kDepthClear] = std::bit_cast<uint32_t>(0.25f);
        registers_[kStencilClear] = 7;
        use_depth(kLess);
        use_stencil(kEqual, 0, 0, 0);
        registers_[kStencilInfo] |= 8u << 4;
        set_masks(7, 0xff, 0xff, 1);
    }
    void fill(uint32_t word) {
        for (uint64_t i = 0; i < 1 << 14; i++) memory_.dword(kHtileVa + i * 4) = word;
    }
    unsigned words_that_are(uint32_t word) {
        unsigned count = 0;
        for (uint64_t i = 0; i < 1 << 14; i++) count += memory_.dword(kHtileVa + i * 4) == word;
        return count;
    }
    static constexpr uint64_t kHtileVa = 0x400000;
    static constexpr uint32_t kTileSurface = 1u << 29;
    enum : uint32_t { kHtileBase = 0x28014, kStencilClear = 0x28028 };
};

TEST_F(Htile, ClearedBlocksHaveTheClearValue) {
    fill(0xfffc00f0);
    EXPECT_FALSE(test(0.25f));
    EXPECT_TRUE(test(0.125f));
    EXPECT_FALSE(test(0.2f)) << "stored by now";
    EXPECT_EQ(words_that_are(0xfffff3ff), 1u) << "expanded, with a range that excludes nothing";
    EXPECT_TRUE(test(0.2f, 8, 8)) << "another block";
    set_masks(6, 0xff, 0xff, 1);
    EXPECT_FALSE(test(0.1f, 16, 16)) << "stencil is 7";
}

TEST_F(Htile, DepthAloneLeavesStencilsPartAlone) {
    fill(0xfffc00f0);
    registers_[kControl] &= ~1u;
    EXPECT_TRUE(test(0.125f));
    EXPECT_EQ(words_that_are(0xfffff0ff), 1u) << "stencil still is cleared";
    registers_[kStencilInfo] |= 1u << 29;  // TILE_STENCIL_DISABLE
    fill(0);
    EXPECT_TRUE(test(0.0625f));
    EXPECT_EQ(words_that_are(0xfffc000f), 1u);
}

TEST_F(Htile, DecompressionStoresWhatIsDrawnOver) {
    fill(0xfffc00f0);
    registers_[kControl] = 0;
    registers_[kRenderControl] = 1u << 5 | 1u << 6;
    EXPECT_TRUE(test(0.5f));
    EXPECT_EQ(words_that_are(0xfffff3ff), 1u);
    registers_[kRenderControl] = 0;
    use_depth(kEqual, false);
    EXPECT_TRUE(test(0.25f));
}

TEST_F(Htile, CompressedDepthIsAProblem) {
    fill(0xfffc0003);
    DepthStencil depth([this](uint32_t byte) { return registers_[byte]; }, {}, shader_memory_);
    EXPECT_FALSE(depth.test({}));
    EXPECT_NE(depth.problem().find("depth is compressed"), std::string::npos);
}

TEST_F(DepthStencilTest, SamplesHaveDepthsOfTheirOwn) {
    use_depth(kLess);
    registers_[kDepthInfo] = 3 | 8u << 4 | 2u << 2;
    registers_[kPitch] = 63;
    for (uint64_t i = 0; i < 1 << 14; i++)
        memory_.dword(kDepthVa + i * 4) = std::bit_cast<uint32_t>(1.0f);
    DepthStencil depth([this](uint32_t byte) { return registers_[byte]; }, {}, shader_memory_);
    ASSERT_EQ(depth.problem(), "");
    DepthFragment fragment;
    fragment.z = 0.5f;
    fragment.sample = 3;
    EXPECT_TRUE(depth.test(fragment));
    EXPECT_FALSE(depth.test(fragment));
    fragment.sample = 0;
    EXPECT_TRUE(depth.test(fragment));
}

TEST_F(DepthStencilTest, AFaultFails) {
    use_depth(kLess);
    registers_[kDepthRead] = 0x900000 >> 8;
    EXPECT_FALSE(test(0));
    EXPECT_TRUE(shader_memory_.faulted());
}

}  // namespace
}  // namespace simgpu::gfx9::draw
