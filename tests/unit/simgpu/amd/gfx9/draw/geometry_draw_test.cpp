// Whole draws with a geometry shader.
#include "tests/unit/simgpu/amd/gfx9/draw/whole_draw.h"

namespace simgpu::gfx9::draw {
namespace {

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

}  // namespace
}  // namespace simgpu::gfx9::draw
