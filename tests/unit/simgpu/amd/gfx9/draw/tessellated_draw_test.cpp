// Whole draws of patches.
#include "tests/unit/simgpu/amd/gfx9/draw/whole_draw.h"

namespace simgpu::gfx9::draw {
namespace {

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

}  // namespace
}  // namespace simgpu::gfx9::draw
