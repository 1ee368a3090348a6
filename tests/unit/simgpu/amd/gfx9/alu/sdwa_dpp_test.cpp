// SDWA and DPP: parts of dwords, and lanes of neighbours.
#include <gtest/gtest.h>

#include <bit>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

struct SdwaCase {
    Line line;
    uint32_t expected;
};

// v2 = 0x84838281, v4 = 0x00000010, v8 = 0xdeadbeef before.
TEST(Sdwa, SelectsAndPlacesParts) {
    const SdwaCase cases[] = {
        {{"v_mov_b32_sdwa v8, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_0",
          {0x7e1002f9, 0x00000602}},
         0x81},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_1",
          {0x7e1002f9, 0x00010602}},
         0x82},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_2",
          {0x7e1002f9, 0x00020602}},
         0x83},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_3",
          {0x7e1002f9, 0x00030602}},
         0x84},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:WORD_0",
          {0x7e1002f9, 0x00040602}},
         0x8281},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:WORD_1",
          {0x7e1002f9, 0x00050602}},
         0x8483},
        {{"v_mov_b32_sdwa v8, sext(v2) dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_3",
          {0x7e1002f9, 0x000b0602}},
         0xffffff84},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:BYTE_1 dst_unused:UNUSED_PAD src0_sel:BYTE_0",
          {0x7e1002f9, 0x00000102}},
         0x8100},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:BYTE_1 dst_unused:UNUSED_SEXT src0_sel:BYTE_0",
          {0x7e1002f9, 0x00000902}},
         0xffff8100},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:BYTE_1 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_0",
          {0x7e1002f9, 0x00001102}},
         0xdead81ef},
        {{"v_mov_b32_sdwa v8, v2 dst_sel:WORD_1 dst_unused:UNUSED_PRESERVE src0_sel:WORD_0",
          {0x7e1002f9, 0x00041502}},
         0x8281beef},
        {{"v_add_u32_sdwa v8, v2, v4 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_1 "
          "src1_sel:BYTE_0",
          {0x681008f9, 0x00010602}},
         0x92},
        {{"v_add_u32_sdwa v8, v4, sext(v2) dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:DWORD "
          "src1_sel:BYTE_1",
          {0x681004f9, 0x09060604}},
         0xffffff92},
        {{"v_add_u32_sdwa v8, s4, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:DWORD "
          "src1_sel:BYTE_1",
          {0x681004f9, 0x01860604}},
         0x182},
    };
    for (const SdwaCase& c : cases) {
        WaveBench bench;
        bench.fill(2, 0x84838281);
        bench.fill(4, 0x10);
        bench.fill(8, 0xdeadbeef);
        bench.wave->s[4] = 0x100;
        bench.run(c.line);
        EXPECT_EQ(bench.lane(8, 0), c.expected) << c.line.text;
        EXPECT_EQ(bench.lane(8, 63), c.expected) << c.line.text;
    }
}

TEST(Sdwa, TakesFloatModifiers) {
    WaveBench bench;
    bench.fill(2, 0x3c00c000);  // halves 1 and -2
    bench.fill(4, 0x00004200);  // 3
    bench.run(
        {"v_add_f16_sdwa v8, -v2, |v2| dst_sel:WORD_1 dst_unused:UNUSED_PAD "
         "src0_sel:WORD_1 src1_sel:WORD_0",
         {0x3e1004f9, 0x24150502}});
    EXPECT_EQ(bench.lane(8, 0), 0x3c000000u);
    bench.run(
        {"v_mul_f16_sdwa v8, v2, v4 clamp dst_sel:DWORD dst_unused:UNUSED_PAD "
         "src0_sel:WORD_1 src1_sel:WORD_0",
         {0x441008f9, 0x04052602}});
    EXPECT_EQ(bench.lane(8, 0), 0x3c00u);
}

TEST(Sdwa, ComparesIntoAnySgpr) {
    WaveBench bench;
    bench.fill(2, 0x00ff0001);
    bench.fill(4, 0x000000ff);
    bench.run({"v_cmp_eq_u32_sdwa s[10:11], v2, v4 src0_sel:BYTE_2 src1_sel:BYTE_0",
               {0x7d9408f9, 0x00028a02}});
    EXPECT_EQ(bench.wave->s64(10), ~uint64_t{0});
    bench.run({"v_cmp_lt_u32_sdwa vcc, v2, v4 src0_sel:BYTE_2 src1_sel:BYTE_0",
               {0x7d9208f9, 0x00020002}});
    EXPECT_EQ(bench.wave->vcc(), 0u);
}

constexpr int kKeep = -1;  // the lane is not written
constexpr int kZero = -2;

struct DppCase {
    Line line;
    int (*source)(int lane);
};

// v2 holds 100 + lane, v8 0xdeadbeef.
TEST(Dpp, MovesLanes) {
    const DppCase cases[] = {
        {{"v_mov_b32_dpp v8, v2 quad_perm:[1,2,3,0] row_mask:0xf bank_mask:0xf",
          {0x7e1002fa, 0xff003902}},
         [](int lane) { return (lane & ~3) | ((lane + 1) & 3); }},
        {{"v_mov_b32_dpp v8, v2 row_shl:3 row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff010302}},
         [](int lane) { return lane % 16 < 13 ? lane + 3 : kKeep; }},
        {{"v_mov_b32_dpp v8, v2 row_shr:1 row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff011102}},
         [](int lane) { return lane % 16 ? lane - 1 : kKeep; }},
        {{"v_mov_b32_dpp v8, v2 row_shr:1 row_mask:0xf bank_mask:0xf bound_ctrl:0",
          {0x7e1002fa, 0xff091102}},
         [](int lane) { return lane % 16 ? lane - 1 : kZero; }},
        {{"v_mov_b32_dpp v8, v2 row_ror:4 row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff012402}},
         [](int lane) { return (lane & ~15) | ((lane - 4) & 15); }},
        {{"v_mov_b32_dpp v8, v2 wave_shl:1 row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff013002}},
         [](int lane) { return lane < 63 ? lane + 1 : kKeep; }},
        {{"v_mov_b32_dpp v8, v2 wave_rol:1 row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff013402}},
         [](int lane) { return (lane + 1) & 63; }},
        {{"v_mov_b32_dpp v8, v2 wave_shr:1 row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff013802}},
         [](int lane) { return lane ? lane - 1 : kKeep; }},
        {{"v_mov_b32_dpp v8, v2 wave_ror:1 row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff013c02}},
         [](int lane) { return (lane - 1) & 63; }},
        {{"v_mov_b32_dpp v8, v2 row_mirror row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff014002}},
         [](int lane) { return lane ^ 15; }},
        {{"v_mov_b32_dpp v8, v2 row_half_mirror row_mask:0xf bank_mask:0xf",
          {0x7e1002fa, 0xff014102}},
         [](int lane) { return lane ^ 7; }},
        {{"v_mov_b32_dpp v8, v2 row_bcast:15 row_mask:0xa bank_mask:0xf", {0x7e1002fa, 0xaf014202}},
         [](int lane) { return lane / 16 % 2 ? (lane & ~15) - 1 : kKeep; }},
        {{"v_mov_b32_dpp v8, v2 row_bcast:31 row_mask:0xc bank_mask:0xf", {0x7e1002fa, 0xcf014302}},
         [](int lane) { return lane >= 32 ? 31 : kKeep; }},
        {{"v_mov_b32_dpp v8, v2 quad_perm:[0,1,2,3] row_mask:0x2 bank_mask:0x8",
          {0x7e1002fa, 0x2800e402}},
         [](int lane) { return lane / 16 == 1 && lane / 4 % 4 == 3 ? lane : kKeep; }},
    };
    for (const DppCase& c : cases) {
        WaveBench bench;
        for (unsigned lane = 0; lane < kLanes; lane++) bench.wave->v[2].lane[lane] = 100 + lane;
        bench.fill(8, 0xdeadbeef);
        bench.run(c.line);
        for (int lane = 0; lane < 64; lane++) {
            const int source = c.source(lane);
            const uint32_t expected = source == kKeep   ? 0xdeadbeef
                                      : source == kZero ? 0
                                                        : 100 + static_cast<uint32_t>(source);
            EXPECT_EQ(bench.lane(8, static_cast<unsigned>(lane)), expected)
                << c.line.text << " lane " << lane;
        }
    }
}

TEST(Dpp, InactiveSourcesCountAsMissing) {
    WaveBench bench;
    bench.fill(2, 7);
    bench.fill(8, 1);
    bench.wave->set_exec(~uint64_t{2});
    bench.run(
        {"v_mov_b32_dpp v8, v2 row_shr:1 row_mask:0xf bank_mask:0xf", {0x7e1002fa, 0xff011102}});
    EXPECT_EQ(bench.lane(8, 2), 1u);
    EXPECT_EQ(bench.lane(8, 3), 7u);
    bench.run({"v_mov_b32_dpp v8, v2 row_shr:1 row_mask:0xf bank_mask:0xf bound_ctrl:0",
               {0x7e1002fa, 0xff091102}});
    EXPECT_EQ(bench.lane(8, 2), 0u);
}

// The scan that compilers build from DPP: an inclusive sum over the wave.
TEST(Dpp, ScansAWave) {
    WaveBench bench;
    bench.fill(1, 1);
    const Line scan[] = {
        {"v_add_u32_dpp v1, v1, v1 row_shr:1 row_mask:0xf bank_mask:0xf", {0x680202fa, 0xff011101}},
        {"v_add_u32_dpp v1, v1, v1 row_shr:2 row_mask:0xf bank_mask:0xf", {0x680202fa, 0xff011201}},
        {"v_add_u32_dpp v1, v1, v1 row_shr:4 row_mask:0xf bank_mask:0xf", {0x680202fa, 0xff011401}},
        {"v_add_u32_dpp v1, v1, v1 row_shr:8 row_mask:0xf bank_mask:0xf", {0x680202fa, 0xff011801}},
        {"v_add_u32_dpp v1, v1, v1 row_bcast:15 row_mask:0xa bank_mask:0xf",
         {0x680202fa, 0xaf014201}},
        {"v_add_u32_dpp v1, v1, v1 row_bcast:31 row_mask:0xc bank_mask:0xf",
         {0x680202fa, 0xcf014301}},
    };
    for (const Line& line : scan) bench.run(line);
    for (unsigned lane = 0; lane < kLanes; lane++) EXPECT_EQ(bench.lane(1, lane), lane + 1);
}

}  // namespace
}  // namespace simgpu::gfx9::test
