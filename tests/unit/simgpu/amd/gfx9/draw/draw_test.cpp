// Whole draws, from vertex numbers to pixels in memory.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/unit/simgpu/amd/gfx9/draw_harness.h"

namespace simgpu::gfx9::draw {
namespace {

using test::Line;

constexpr uint64_t kIndices = 0x120000, kOut = 0x170000;
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

TEST_F(WholeDraw, PixelsAreShadedAndKilled) {
    registers_[0x28004] = 1u << 8;  // DB_COUNT_CONTROL: ZPASS_ENABLE
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

// A driver's own draws, such as those of a clear, are not part of its program's queries.
TEST_F(WholeDraw, SamplesCountWhileThereIsAQuery) {
    ASSERT_TRUE(run().done());
    EXPECT_EQ(pipeline_.samples_passed, 0u);
    EXPECT_EQ(pipeline_.pixel_invocations, 256u);
}

// PA_SC_CLIPRECT_*: two rectangles that overlap.
TEST_F(WholeDraw, WindowRectanglesDecideByPixel) {
    const auto corner = [](uint32_t x, uint32_t y) { return x | y << 16; };
    registers_[0x28210] = corner(1, 1);
    registers_[0x28214] = corner(6, 6);
    registers_[0x28218] = corner(4, 3);
    registers_[0x2821c] = corner(9, 5);
    const auto in_first = [](int x, int y) { return x >= 1 && x < 6 && y >= 1 && y < 6; };
    const auto in_second = [](int x, int y) { return x >= 4 && x < 9 && y >= 3 && y < 5; };
    constexpr int kDrawn = 8;  // rows that the pixel shader keeps
    const auto expect = [&](uint32_t rule, auto drawn) {
        for (int y = 0; y < kSize; y++)
            for (int x = 0; x < kSize; x++) pixel(x, y) = 0;
        registers_[0x2820c] = rule;
        ASSERT_TRUE(run().done());
        for (int y = 0; y < kDrawn; y++)
            for (int x = 0; x < kSize; x++)
                EXPECT_EQ(pixel(x, y) != 0, drawn(x, y)) << rule << ": " << x << "," << y;
    };
    // Of the four bits of a pixel's number, those of the third and fourth rectangle do not matter.
    expect(0x1111, [&](int x, int y) { return !in_first(x, y) && !in_second(x, y); });
    expect(0xeeee, [&](int x, int y) { return in_first(x, y) || in_second(x, y); });
    expect(0x8888, [&](int x, int y) { return in_first(x, y) && in_second(x, y); });
    expect(0x2222, [&](int x, int y) { return in_first(x, y) && !in_second(x, y); });
    expect(0, [](int, int) { return false; });
}

// PA_SU_SC_MODE_CNTL: POLY_MODE, and what is drawn of both faces.
TEST_F(WholeDraw, PolygonsMayBeLinesOrPoints) {
    constexpr uint32_t kDual = 1u << 3, kLines = 1u << 5 | 1u << 8;
    registers_[0x28a08] = 8;                                    // lines and points a pixel wide
    registers_[0x28a00] = 8 | 8u << 16;                         // in 1/16, from the middle on
    registers_[0x28a04] = 0xffffu << 16;                        // of any size
    registers_[0x2843c] = registers_[0x28440] = as_word(4.0f);  // a triangle that is in view
    registers_[0x28444] = registers_[0x28448] = as_word(4.0f);
    registers_[0x28440] = registers_[0x28448] = as_word(4.5f);
    const auto drawn = [&] {
        std::string rows;
        for (int y = 0; y < 8; y++)
            for (int x = 0; x < 8; x++) rows += pixel(x, y) ? 'x' : '.', pixel(x, y) = 0;
        return rows;
    };
    registers_[0x28814] = kDual | kLines;
    ASSERT_TRUE(run().done());
    const std::string lines = drawn();
    EXPECT_EQ(lines.substr(0, 8), "xxxxxxxx");
    for (size_t y = 1; y < 8; y++) EXPECT_EQ(lines.substr(8 * y, 8), "x.......") << y;
    registers_[0x28814] = kDual;
    ASSERT_TRUE(run().done());
    EXPECT_EQ(drawn(), "x" + std::string(63, '.'));
    registers_[0x28814] = kDual | 2u << 5 | 2u << 8;
    ASSERT_TRUE(run().done());
    EXPECT_EQ(drawn(), std::string(64, 'x'));
    registers_[0x28814] = kDual | kLines | 3;  // both faces culled
    ASSERT_TRUE(run().done());
    EXPECT_EQ(drawn(), std::string(64, '.'));
}

// With target 0 left out, the shader's only export is target 1's.
TEST_F(WholeDraw, ExportsAreForTheTargetsThatTheShaderNames) {
    for (const uint32_t offset : {0x60u, 0x68u, 0x70u})
        registers_[0x28c00 + offset + 0x3c] = registers_[0x28c00 + offset];
    registers_[0x287a4] = registers_[0x287a0];  // CB_MRT1_EPITCH
    registers_[0x28c70] = 0;                    // no target 0
    registers_[0x28238] = 0xff;
    registers_[0x2823c] = 0xf0;
    ASSERT_TRUE(run().done());
    EXPECT_NE(pixel(3, 3), 0u);
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

// A wave holds 64 points, 32 lines or 21 triangles that share no vertices.
TEST_F(WholeDraw, WavesOfVerticesAreFull) {
    constexpr uint32_t kTypes[][3] = {{1, 64, 1}, {1, 65, 2}, {2, 64, 1},
                                      {2, 66, 2}, {4, 63, 1}, {4, 66, 2}};
    memory_.map(kOut, 4096);
    // Each wave adds 1 to a dword.
    bench_.load(test::DrawBench::kVertexCode,
                {{"v_mov_b32 v8, address", {0x7e1002ff, kOut}},
                 {"v_mov_b32 v9, 0", {0x7e120280}},
                 {"v_mov_b32 v10, 1", {0x7e140281}},
                 {"s_mov_b64 exec, 1", {0xbefe0181}},
                 {"global_atomic_add v[8:9], v10, off", {0xdd088000, 0x007f0a08}},
                 {"s_endpgm", {0xbf810000}}});
    for (const auto& [type, vertices, waves] : kTypes) {
        memory_.dword(kOut) = 0;
        registers_[0x30908] = type;
        draw_.count = vertices;
        ASSERT_TRUE(run().done());
        EXPECT_EQ(memory_.dword(kOut), waves) << type << ": " << vertices;
    }
}

/// A draw with a geometry shader, which emits a point for each of two EMIT messages.
class GeometryDraw : public WholeDraw {
  protected:
    GeometryDraw() {
        memory_.map(kCode, 4096);
        load({{"s_sendmsg emit", {0xbf900022}}, kDone, kEnd});
        registers_[0x28b54] = 0xb0;                        // ES, GS, copy shader
        registers_[0x28a40] = 3;                           // VGT_GS_MODE: scenario G
        registers_[0xb210] = kCode >> 8;                   // SPI_SHADER_PGM_LO_ES
        registers_[0xb228] = 3;                            // 16 VGPRs
        registers_[0x28a44] = 64 | 64u << 11 | 64u << 22;  // VGT_GS_ONCHIP_CNTL
        registers_[0x28a94] = 64;                          // VGT_GS_MAX_PRIMS_PER_SUBGROUP
        registers_[0x28ab0] = registers_[0x28b5c] = 4;     // dwords of a thread, and of a vertex
        registers_[0x28b38] = 1;                           // VGT_GS_MAX_VERT_OUT
        registers_[0x30904] = 4;                           // one wave's 1024 bytes of the ring
    }
    /// A shader that first has its wave id in M0.
    void load(std::vector<Line> program) {
        program.insert(program.begin(), {"s_bfe_u32 m0, s3, 0x80010", {0x92fcff03, 0x00080010}});
        bench_.load(kCode, program);
    }
    inline static const Line kDone{"s_sendmsg GS_DONE", {0xbf900003}};
    inline static const Line kEnd{"s_endpgm", {0xbf810000}};
    static constexpr uint64_t kCode = 0x130000;
};

TEST_F(GeometryDraw, RunsForEachPrimitive) {
    draw_.count = 3 * 70;  // more than a group has
    const JobOutcome outcome = run();
    ASSERT_TRUE(outcome.done()) << outcome.report;
    EXPECT_EQ(pipeline_.vertex_invocations, 210u);
    EXPECT_EQ(pipeline_.geometry_invocations, 70u);
    EXPECT_EQ(pipeline_.geometry_primitives, 70u);
    EXPECT_EQ(pipeline_.clipper_invocations, 70u);
}

TEST_F(GeometryDraw, RunsOncePerInstance) {
    registers_[0x28b90] = 1 | 5u << 2;  // VGT_GS_INSTANCE_CNT
    ASSERT_TRUE(run().done());
    EXPECT_EQ(pipeline_.geometry_invocations, 5u);
    EXPECT_EQ(pipeline_.vertex_invocations, 3u);
}

TEST_F(GeometryDraw, RingsAndLimitsAreKept) {
    expect_report(0x28b38, 0, "VGT_GS_MAX_VERT_OUT");
    expect_report(0x30904, 3, "VGT_GSVS_RING_SIZE");
    expect_report(0x28a44, 2 | 64u << 11 | 64u << 22, "VGT_GS_ONCHIP_CNTL");  // two vertices
    expect_report(0x28a44, 0, "VGT_GS_ONCHIP_CNTL");                          // groups of nothing
    expect_report(0x28b90, 1 | 65u << 2, "VGT_GS_ONCHIP_CNTL");  // runs of one primitive
    expect_report(0x28a40, 1, "VGT_GS_MODE");
    expect_report(0x28a6c, 3, "VGT_GS_OUT_PRIM_TYPE");
    expect_report(0x28a94, 63, "VGT_GS_MAX_PRIMS_PER_SUBGROUP");
}

// CUT_MODE, and how many vertices it has strips of.
TEST_F(GeometryDraw, EmitsUpToTheCutMode) {
    constexpr uint32_t kModes[][2] = {{0, 1024}, {1, 512}, {2, 256}, {3, 128}};
    registers_[0x28a44] = 3 | 1u << 11 | 1u << 22;
    for (const auto& [mode, vertices] : kModes) {
        registers_[0x28a40] = 3 | mode << 4;
        registers_[0x28b38] = vertices;
        EXPECT_TRUE(run().done()) << mode;
        expect_report(0x28b38, vertices + 1, "VGT_GS_MAX_VERT_OUT");
    }
}

TEST_F(GeometryDraw, EndlessDrawsStop) {
    stop_ = true;
    draw_.count = draw_.instances = ~0u;
    registers_[0x28b90] = 1 | 64u << 2;
    EXPECT_EQ(run().kind, JobOutcome::Kind::kStopped);
    load({kDone, kEnd});  // none of it is drawn
    EXPECT_EQ(run().kind, JobOutcome::Kind::kStopped);
}

// A store with FLAT to the last dword of LDS, and to the one behind it. Shaders of other stages
// have no LDS to store to.
TEST_F(GeometryDraw, FlatInstructionsReachLds) {
    const auto store = [](uint32_t offset) {
        return std::vector<Line>{{"v_mov_b32 v8, address", {0x7e1002ff, 0xffff0000 + offset}},
                                 {"v_mov_b32 v9, address", {0x7e1202ff, 0xffff}},
                                 {"flat_store_dword v[8:9], v10", {0xdc700000, 0x00000a08}},
                                 {"s_sendmsg emit", {0xbf900022}},
                                 kDone,
                                 kEnd};
    };
    registers_[0xb22c] = 1u << 19;  // 512 bytes of LDS
    load(store(508));
    ASSERT_TRUE(run().done());
    bench_.load(test::DrawBench::kVertexCode, store(508));
    EXPECT_EQ(run().kind, JobOutcome::Kind::kFault) << "the copy shader's";
    bench_.load(test::DrawBench::kVertexCode, kVertexShader);
    load(store(512));
    EXPECT_EQ(run().kind, JobOutcome::Kind::kFault);
}

TEST_F(GeometryDraw, AGroupFitsLds) {
    registers_[0x28aac] = 5;  // VGT_ESGS_RING_ITEMSIZE: 64 * 5 * 4 bytes
    expect_report(0xb22c, 2u << 19, "SPI_SHADER_PGM_RSRC2_GS");
    registers_[0xb22c] = 3u << 19;  // LDS_SIZE, in 512 bytes
    EXPECT_TRUE(run().done());
    registers_[0xb22c] = 0;  // the shader has no LDS to keep vertices in
    EXPECT_TRUE(run().done());
}

// Three vertices to each stream are three points, two lines or a triangle.
TEST_F(GeometryDraw, EachStreamMayHaveItsOwnType) {
    std::vector<Line> program;
    for (const uint32_t stream : {0u, 1u, 2u, 3u})
        for (int vertex = 0; vertex < 3; vertex++)
            program.push_back({"s_sendmsg emit", {0xbf900022 | stream << 8}});
    program.push_back(kDone);
    program.push_back(kEnd);
    load(program);
    registers_[0x28ab0] = 12;
    registers_[0x28b38] = 3;
    registers_[0x30904] = 12;
    for (const uint32_t stream : {0u, 1u, 2u, 3u}) registers_[0x28b5c + 4 * stream] = 1;
    registers_[0x28a6c] = 2;  // VGT_GS_OUT_PRIM_TYPE: triangles, for all
    ASSERT_TRUE(run().done());
    EXPECT_EQ(pipeline_.geometry_primitives, 4u);
    const uint32_t types[][2] = {{2 | 1u << 8 | 1u << 16 | 2u << 22, 1 + 2 + 2 + 1},
                                 {1 | 0u << 8 | 2u << 16 | 0u << 22, 2 + 3 + 1 + 3}};
    for (const auto& [type, primitives] : types) {
        pipeline_.geometry_primitives = 0;
        registers_[0x28a6c] = type | 1u << 31;
        ASSERT_TRUE(run().done());
        EXPECT_EQ(pipeline_.geometry_primitives, primitives) << std::hex << type;
    }
    expect_report(0x28a6c, 3u << 22 | 1u << 31, "VGT_GS_OUT_PRIM_TYPE");
    registers_[0x28a6c] = 3u << 22 | 1u << 31;
    registers_[0x28b68] = 0;  // no one may emit to stream 3
    program.erase(program.begin() + 9, program.begin() + 12);
    load(program);
    EXPECT_TRUE(run().done());
}

TEST_F(GeometryDraw, AWaveThatIsNotDoneHangs) {
    registers_[0x28a44] = 512 | 128u << 11 | 128u << 22;
    registers_[0x28a94] = 128;
    registers_[0x30904] = 8;
    draw_.count = 3 * 65;  // two waves with primitives, and two without
    ASSERT_TRUE(run().done());
    load({{"s_sendmsg emit", {0xbf900022}}, kEnd});
    const JobOutcome outcome = run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kHang);
    EXPECT_NE(outcome.report.find("GS_DONE"), std::string::npos) << outcome.report;
    // Only waves with primitives have to be: those whose count in s3[15:8] is not 0.
    load({{"s_bfe_u32 s8, s3, 0x80008", {0x9288ff03, 0x00080008}},
          {"s_cbranch_scc0 1", {0xbf840001}},
          kDone,
          kEnd});
    EXPECT_TRUE(run().done());
}

TEST_F(GeometryDraw, MessagesNameTheirWave) {
    registers_[0x28a44] = 512 | 128u << 11 | 128u << 22;
    registers_[0x28a94] = 128;
    registers_[0x30904] = 8;
    draw_.count = 3 * 21;
    const std::vector<Line> zero{{"s_mov_b32 m0, 0", {0xbefc0080}}, kDone, kEnd};
    bench_.load(kCode, zero);
    EXPECT_TRUE(run().done()) << "a group of one wave";
    draw_.count = 3 * 65;
    const JobOutcome outcome = run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader);
    EXPECT_NE(outcome.report.find("M0"), std::string::npos) << outcome.report;
}

// Both waves of a group run at once: each needs its part of the ring.
TEST_F(GeometryDraw, AGroupFitsTheRing) {
    registers_[0x28a44] = 512 | 128u << 11 | 128u << 22;
    registers_[0x28a94] = 128;
    draw_.count = 3 * 65;
    EXPECT_EQ(run().kind, JobOutcome::Kind::kBadShader);
    registers_[0x30904] = 8;
    const JobOutcome outcome = run();
    EXPECT_TRUE(outcome.done()) << outcome.report;
}

/// A draw of patches whose factors are in the ring already: 1, so that each is a triangle.
class TessellatedDraw : public WholeDraw {
  protected:
    TessellatedDraw() {
        memory_.map(kCode, 4096);
        memory_.map(kRing, 4096);
        bench_.load(kCode, {{"s_endpgm", {0xbf810000}}});
        for (uint64_t i = 0; i < 16; i++) memory_.dword(kRing + 4 * i) = as_word(1.0f);
        registers_[0x28b54] = 0x45 | 1u << 8 | 2u << 15;  // LS, HS, domain shader, as Mesa does
        registers_[0x30908] = 9;                          // patches
        registers_[0xb410] = kCode >> 8;                  // SPI_SHADER_PGM_LO_LS
        registers_[0xb428] = 3;                           // 16 VGPRs
        registers_[0x28a18] = as_word(64.0f);             // VGT_HOS_MAX_TESS_LEVEL
        registers_[0x28b58] = 4 | 3u << 8 | 1u << 14;     // VGT_LS_HS_CONFIG
        registers_[0x28b6c] = 1 | 2u << 5;                // triangles, clockwise
        registers_[0x30938] = 16;                         // dwords of the ring: four patches
        registers_[0x30940] = kRing >> 8;
    }
    static constexpr uint64_t kCode = 0x130000, kRing = 0x140000;
};

TEST_F(TessellatedDraw, EachPatchHasItsPoints) {
    draw_.count = 3 * 7 + 2;  // the last two vertices do not make a patch
    const JobOutcome outcome = run();
    ASSERT_TRUE(outcome.done()) << outcome.report;
    EXPECT_EQ(pipeline_.vertex_invocations, 21u);
    EXPECT_EQ(pipeline_.hull_invocations, 7u);
    EXPECT_EQ(pipeline_.domain_invocations, 21u);
    EXPECT_EQ(pipeline_.clipper_invocations, 7u);
}

TEST_F(TessellatedDraw, APatchWithoutAFactorIsCulled) {
    draw_.count = 6;
    memory_.dword(kRing + 4 * 5) = 0;  // an edge of the second patch
    ASSERT_TRUE(run().done());
    EXPECT_EQ(pipeline_.clipper_invocations, 1u);
}

// The registers of vertices begin at v2, behind those of control points; on some chips at v0 in a
// wave that has no control points. The shader stores v2 to the dword that v0 numbers.
TEST_F(TessellatedDraw, SomeChipsMoveTheRegistersOfVertices) {
    constexpr uint64_t kOut = 0x150000;
    memory_.map(kOut, 4096);
    // Four patches of 32 vertices and one control point: the second wave has vertices only.
    registers_[0x28b58] = 4 | 32u << 8 | 1u << 14;
    bench_.load(kCode, {{"v_mov_b32 v8, s8", {0x7e100208}},
                        {"v_mov_b32 v9, s9", {0x7e120209}},
                        {"v_lshlrev_b32 v10, 2, v0", {0x24140082}},
                        {"v_add_u32 v8, v8, v10", {0x68101508}},
                        {"global_store_dword v[8:9], v2, off", {0xdc708000, 0x007f0208}},
                        {"s_endpgm", {0xbf810000}}});
    registers_[0xb42c] = 2u << 1;  // two user SGPRs
    registers_[0xb430] = static_cast<uint32_t>(kOut);
    draw_.count = 4 * 32;
    ASSERT_TRUE(run().done());
    EXPECT_GE(memory_.dword(kOut), 64u) << "numbers of vertices, all at the start";
    draw_.moves_vertex_registers = true;
    for (uint64_t i = 0; i < 128; i++) memory_.dword(kOut + 4 * i) = 7;
    ASSERT_TRUE(run().done());
    // Now v0 has the number, and v2 nothing.
    EXPECT_EQ(memory_.dword(kOut + 4 * 64), 0u);
    EXPECT_EQ(memory_.dword(kOut + 4 * 127), 0u);
}

// The shader of the ES and GS stores s4 where its user data says.
TEST_F(TessellatedDraw, GeometryShadersGetTheOffChipOffsetIfTheyAskForIt) {
    constexpr uint64_t kOut = 0x150000, kGeometryCode = 0x160000;
    memory_.map(kOut, 4096);
    memory_.map(kGeometryCode, 4096);
    bench_.load(kGeometryCode, {{"s_bfe_u32 m0, s3, 0x80010", {0x92fcff03, 0x00080010}},
                                {"v_mov_b32 v8, s8", {0x7e100208}},
                                {"v_mov_b32 v9, s9", {0x7e120209}},
                                {"v_mov_b32 v10, s4", {0x7e140204}},
                                {"global_store_dword v[8:9], v10, off", {0xdc708000, 0x007f0a08}},
                                {"s_sendmsg GS_DONE", {0xbf900003}},
                                {"s_endpgm", {0xbf810000}}});
    registers_[0x28b54] = 0xad;  // LS, HS, domain shader as ES, GS, copy shader
    registers_[0x28a40] = 3;
    registers_[0xb210] = kGeometryCode >> 8;
    registers_[0xb228] = 3;
    registers_[0xb330] = static_cast<uint32_t>(kOut);
    registers_[0x28a44] = 64 | 64u << 11 | 64u << 22;
    registers_[0x28a94] = 64;
    registers_[0x3093c] = 1;  // VGT_HS_OFFCHIP_PARAM: two buffers of 32 KiB
    draw_.count = 3 * 5;      // a group of four patches, and one of one
    constexpr uint32_t kOffChip = 1u << 18, kUserSgprs = 2u << 1;
    memory_.dword(kOut) = 7;
    registers_[0xb22c] = kUserSgprs;
    ASSERT_TRUE(run().done());
    EXPECT_EQ(memory_.dword(kOut), 0u);
    registers_[0xb22c] = kUserSgprs | kOffChip;
    ASSERT_TRUE(run().done());
    EXPECT_EQ(memory_.dword(kOut), 32768u);
}

TEST_F(TessellatedDraw, EndlessDrawsStop) {
    for (uint64_t i = 0; i < 16; i++) memory_.dword(kRing + 4 * i) = 0;  // all are culled
    stop_ = true;
    draw_.count = draw_.instances = ~0u;
    EXPECT_EQ(run().kind, JobOutcome::Kind::kStopped);
}

TEST_F(TessellatedDraw, RingsAndLimitsAreKept) {
    expect_report(0x30938, 15, "VGT_TF_RING_SIZE");
    expect_report(0x28b58, 4 | 3u << 8, "VGT_LS_HS_CONFIG");  // no control points
    expect_report(0x28b6c, 1 | 5u << 5, "VGT_TF_PARAM");
    registers_[0x30940] = 0x900000 >> 8;  // nothing is mapped there
    const JobOutcome outcome = run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, 0x900000u);
}

TEST_F(WholeDraw, WhatIsNotSimulatedNamesItsRegister) {
    expect_report(0x28b54, 1u << 5, "VGT_SHADER_STAGES_EN");   // a geometry shader alone
    expect_report(0x28b54, 0xb0, "VGT_GS_MODE");               // no mode for a geometry shader
    expect_report(0x28b54, 1u << 13, "VGT_SHADER_STAGES_EN");  // NGG
    expect_report(0x28b54, 1u << 9, "VGT_SHADER_STAGES_EN");   // dispatch draw
    expect_report(0x28b54, 0x45, "VGT_PRIMITIVE_TYPE");        // tessellation of triangles
    expect_report(0x30908, 9, "VGT_PRIMITIVE_TYPE");           // patches without tessellation
    expect_report(0x28be0, 2, "CB_COLOR_ATTRIB");              // four samples, on a target of one
    expect_report(0x28c74, 1u << 12, "CB_COLOR0_ATTRIB");      // two samples, one of them stored
    EXPECT_EQ(pixel(3, 3), 0u) << "none of them drew";
}

}  // namespace
}  // namespace simgpu::gfx9::draw
