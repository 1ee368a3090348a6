// Whole draws, from vertex numbers to pixels in memory.
#include <gtest/gtest.h>

#include <map>

#include "tests/unit/simgpu/amd/gfx9/draw_harness.h"

namespace simgpu::gfx9::draw {
namespace {

using test::Line;

constexpr uint64_t kIndices = 0x120000;
constexpr int kSize = 16;

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
        bench_.memory.map(kIndices, 4096);
        bench_.load(test::DrawBench::kVertexCode, kVertexShader);
        bench_.load(test::DrawBench::kPixelCode, kPixelShader);
    }
    JobOutcome run() { return bench_.run(); }
    uint32_t& pixel(int x, int y) {
        return bench_.pixel(static_cast<uint32_t>(x), static_cast<uint32_t>(y));
    }

    test::DrawBench bench_{kSize, kSize, 64};
    std::map<uint32_t, uint32_t>& registers_ = bench_.registers;
    test::FakeMemory& memory_ = bench_.memory;
    Draw& draw_ = bench_.draw;
    std::atomic<bool>& stop_ = bench_.stop;
    PipelineCounters& pipeline_ = bench_.pipeline;
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
    pixel(3, 3) = 0;
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
