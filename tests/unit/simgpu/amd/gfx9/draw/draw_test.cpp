// Whole draws, from vertex numbers to pixels in memory.
#include <gtest/gtest.h>

#include <map>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/draw.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::draw {
namespace {

using test::Line;

constexpr uint64_t kVertexCode = 0x100000, kPixelCode = 0x110000, kIndices = 0x120000,
                   kPixels = 0x200000;
constexpr int kSize = 16, kPitch = 64;

// Vertices 0, 1 and 2 are at (-1, -1), (3, -1) and (-1, 3): a triangle around the whole picture.
const std::vector<Line> kVertexShader = {
    {"v_and_b32 v1, 1, v0", {0x26020081}},
    {"v_cvt_f32_u32 v1, v1", {0x7e020d01}},
    {"v_mad_f32 v1, v1, 4.0, -1.0", {0xd1c10001, 0x03cded01}},
    {"v_lshrrev_b32 v2, 1, v0", {0x20040081}},
    {"v_cvt_f32_u32 v2, v2", {0x7e040d02}},
    {"v_mad_f32 v2, v2, 4.0, -1.0", {0xd1c10002, 0x03cded02}},
    {"v_mov_b32 v3, 0", {0x7e060280}},
    {"v_mov_b32 v4, 1.0", {0x7e0802f2}},
    {"exp pos0 v1, v2, v3, v4 done", {0xc40008cf, 0x04030201}},
    {"s_endpgm", {0xbf810000}},
};
// Red grows with the perspective I, which v0 has; the lower half is dropped by its position in v3.
const std::vector<Line> kPixelShader = {
    {"v_mov_b32 v2, 1.0", {0x7e0402f2}},
    {"v_cmp_gt_f32 vcc, 8.0, v3", {0x7c8806ff, 0x41000000}},
    {"s_and_b64 exec, exec, vcc", {0x86fe6a7e}},
    {"exp mrt0 v0, v2, v2, v2 done vm", {0xc400180f, 0x02020200}},
    {"s_endpgm", {0xbf810000}},
};

class WholeDraw : public testing::Test {
  protected:
    WholeDraw() {
        memory_.map(kVertexCode, 4096);
        memory_.map(kPixelCode, 4096);
        memory_.map(kIndices, 4096);
        memory_.map(kPixels, kSize * kPitch * 4);
        load(kVertexCode, kVertexShader);
        load(kPixelCode, kPixelShader);
        set_shaders();
        set_geometry();
        set_target();
        draw_.registers = [this](uint32_t byte) {
            const auto found = registers_.find(byte);
            return found == registers_.end() ? 0 : found->second;
        };
        draw_.count = 3;
    }
    void load(uint64_t va, const std::vector<Line>& program) {
        for (const Line& line : program)
            for (uint32_t word : line.words) {
                memory_.dword(va) = word;
                va += 4;
            }
    }
    void set_shaders() {
        constexpr uint32_t kVgprs16 = 3, kFloatMode = 0xc0u << 12;
        registers_[0xb120] = kVertexCode >> 8;
        registers_[0xb128] = kVgprs16 | kFloatMode;
        registers_[0xb020] = kPixelCode >> 8;
        registers_[0xb028] = kVgprs16 | kFloatMode;
        registers_[0x286d0] = 1u << 1 | 1u << 8 | 1u << 9;  // I and J, x, y
        registers_[0x28714] = 9;                            // SPI_SHADER_COL_FORMAT: 32_ABGR
    }
    void set_geometry() {
        constexpr uint32_t kCorner = kSize | kSize << 16;
        registers_[0x30908] = 4;  // a list of triangles
        registers_[0x28034] = registers_[0x28208] = registers_[0x28244] = kCorner;
        registers_[0x28818] = 0x43f;  // the whole viewport transform
        for (uint32_t i = 0; i < 4; i++) registers_[0x2843c + 4 * i] = as_word(kSize / 2);
        registers_[0x282d4] = as_word(1.0f);
        registers_[0x28810] = 1u << 19;  // z from 0 on
        registers_[0x28be4] = 5;         // centres at a half
        registers_[0x28be8] = registers_[0x28bf0] = as_word(8.0f);
    }
    void set_target() {
        registers_[0x28238] = registers_[0x2823c] = 15;
        registers_[0x28808] = 1u << 4 | 0xccu << 16;
        registers_[0x287a0] = kPitch - 1;
        registers_[0x28c60] = kPixels >> 8;
        registers_[0x28c68] = (kSize - 1) | (kSize - 1) << 14;
        registers_[0x28c70] = 10u << 2;                   // COLOR_8_8_8_8
        registers_[0x28c38] = registers_[0x28c3c] = ~0u;  // PA_SC_AA_MASK: all samples
    }
    JobOutcome run() {
        JobEnvironment environment{memory_, stop_};
        return run_draw(draw_, environment, counters_, pipeline_);
    }
    uint32_t pixel(int x, int y) {
        return memory_.dword(kPixels + static_cast<uint64_t>(y * kPitch + x) * 4);
    }

    std::map<uint32_t, uint32_t> registers_;
    test::FakeMemory memory_;
    Draw draw_;
    std::atomic<bool> stop_ = false;
    EngineCounters counters_;
    PipelineCounters pipeline_;
};

TEST_F(WholeDraw, PixelsAreShadedAndKilled) {
    const JobOutcome outcome = run();
    ASSERT_TRUE(outcome.done()) << outcome.report;
    for (int y = 0; y < kSize; y++)
        for (int x = 0; x < kSize; x++) {
            // I is how much of vertex 1 a pixel is: half of the way across the picture.
            const auto red = static_cast<uint32_t>((x + 0.5) / 32 * 255 + 0.5);
            EXPECT_EQ(pixel(x, y), y < 8 ? 0xffffff00 | red : 0) << x << "," << y;
        }
    EXPECT_EQ(pipeline_.pixel_invocations, 256u);
    EXPECT_EQ(pipeline_.samples_passed, 128u) << "dropped pixels pass no test";
    EXPECT_EQ(pipeline_.vertex_invocations, 3u);
    EXPECT_EQ(pipeline_.input_primitives, 1u);
}

TEST_F(WholeDraw, IndicesNameVertices) {
    memory_.dword(kIndices) = 0 | 1u << 16;
    memory_.dword(kIndices + 4) = 2;
    draw_.index_bytes = 2;
    draw_.index_va = kIndices;
    draw_.indices_available = 3;
    ASSERT_TRUE(run().done());
    EXPECT_NE(pixel(3, 3), 0u);
    // Beyond the buffer all indices are 0: a triangle without area.
    memory_.dword(kPixels + (3 * kPitch + 3) * 4) = 0;
    draw_.indices_available = 2;
    ASSERT_TRUE(run().done());
    EXPECT_EQ(pixel(3, 3), 0u);
}

TEST_F(WholeDraw, IndicesOutsideOfMemoryFault) {
    draw_.index_bytes = 4;
    draw_.index_va = 0x900000;
    draw_.indices_available = 3;
    const JobOutcome outcome = run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, 0x900000u);
}

TEST_F(WholeDraw, TargetsOutsideOfMemoryFault) {
    registers_[0x28c60] = 0x900000 >> 8;
    const JobOutcome outcome = run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, 0x900000u);
    EXPECT_EQ(outcome.fault_access, Access::kWrite);
}

// Each of these would take hours.
TEST_F(WholeDraw, EndlessDrawsStop) {
    stop_ = true;
    draw_.count = ~0u;
    draw_.instances = ~0u;
    EXPECT_EQ(run().kind, JobOutcome::Kind::kStopped);

    registers_[0x3092c] = 1;  // restart at index 0: there is nothing else
    draw_.index_bytes = 4;
    draw_.index_va = kIndices;
    EXPECT_EQ(run().kind, JobOutcome::Kind::kStopped);
}

TEST_F(WholeDraw, WhatIsNotSimulatedNamesItsRegister) {
    struct Case {
        uint32_t address, value;
        const char* name;
    };
    const Case cases[] = {
        {0x28b54, 1u << 5, "VGT_SHADER_STAGES_EN"},     // a geometry shader
        {0x30908, 9, "VGT_PRIMITIVE_TYPE"},             // patches
        {0x28be0, 2, "CB_COLOR_ATTRIB"},                // four samples, on a target of one
        {0xb12c, 1u << 12, "SPI_SHADER_PGM_RSRC2_VS"},  // transform feedback
        {0x28c74, 1u << 12, "CB_COLOR0_ATTRIB"},        // two samples, one of them stored
        {0x28810, 1, "PA_CL_CLIP_CNTL"},
    };
    for (const Case& c : cases) {
        const auto saved = registers_;
        registers_[c.address] = c.value;
        const JobOutcome outcome = run();
        EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader) << c.name;
        EXPECT_NE(outcome.report.find(c.name), std::string::npos) << outcome.report;
        EXPECT_EQ(pixel(3, 3), 0u);
        registers_ = saved;
    }
}

}  // namespace
}  // namespace simgpu::gfx9::draw
