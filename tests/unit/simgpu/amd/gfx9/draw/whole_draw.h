// WholeDraw: a draw of triangles, from vertex numbers to pixels in memory, for tests to change.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "tests/unit/simgpu/amd/gfx9/draw_harness.h"

namespace simgpu::gfx9::draw {

using test::Line;

inline constexpr uint64_t kIndices = 0x120000, kOut = 0x170000;
inline constexpr int kSize = 16;

// Vertices 0, 1 and 2 are at (-1, -1), (3, -1) and (-1, 3): a triangle around the whole picture.
inline const std::vector<Line> kVertexShader = {
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
inline const std::vector<Line> kPixelShader = {
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
    /// With `value` in one register the draw ends with a report that contains `name`.
    void expect_report(uint32_t address, uint32_t value, const char* name) {
        const auto saved = registers_;
        registers_[address] = value;
        const JobOutcome outcome = run();
        EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader) << name;
        EXPECT_NE(outcome.report.find(name), std::string::npos) << outcome.report;
        registers_ = saved;
    }
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

}  // namespace simgpu::gfx9::draw
