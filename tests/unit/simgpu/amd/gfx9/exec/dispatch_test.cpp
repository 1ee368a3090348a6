#include "simgpu/amd/gfx9/exec/compute.h"

#include <gtest/gtest.h>

#include <chrono>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// Each thread stores its global index (groups of 64 along x) to data[index].
const std::vector<Line> kStoreIndex = {
    {"s_lshl_b32 s3, s2, 6", {0x8e038602}},
    {"v_add_u32_e32 v1, s3, v0", {0x68020003}},
    {"v_lshlrev_b32_e32 v2, 2, v1", {0x24040282}},
    {"global_store_dword v2, v1, s[0:1]", {0xdc708000, 0x00000102}},
    {"s_endpgm", {0xbf810000}},
};

TEST(Dispatch, RunsEveryThreadOfEveryGroup) {
    ShaderBench bench;
    bench.load(kStoreIndex);
    bench.pass_data_address();
    bench.enable_group_ids();
    bench.set_threads(64);
    bench.dispatch.groups[0] = 10;
    const JobOutcome outcome = bench.run();
    ASSERT_TRUE(outcome.done()) << outcome.report;
    for (unsigned i = 0; i < 640; i++) ASSERT_EQ(bench.data(i), i);
    EXPECT_EQ(bench.data(640), 0u);
    // 10 groups: two scalar instructions, and three vector ones on 64 lanes.
    EXPECT_EQ(bench.counters.lane_instructions, 10u * (2 + 3 * 64));
}

// Decoded code is kept from one dispatch to the next.
TEST(Dispatch, FollowsCodeThatHasChanged) {
    ShaderBench bench;
    bench.load(kStoreIndex);
    bench.pass_data_address();
    bench.enable_group_ids();
    bench.set_threads(64);
    ASSERT_TRUE(bench.run().done());
    EXPECT_EQ(bench.data(5), 5u);
    bench.memory.dword(ShaderBench::kCode + 4) = 0x68020081;  // v_add_u32_e32 v1, 1, v0
    ASSERT_TRUE(bench.run().done());
    EXPECT_EQ(bench.data(6), 6u);
    EXPECT_EQ(bench.data(64), 64u) << "thread 63 adds 1";
    bench.memory.dword(ShaderBench::kCode + 16) = 0x00000002;  // stores v0 instead of v1
    ASSERT_TRUE(bench.run().done());
    EXPECT_EQ(bench.data(6), 5u) << "the second word of an instruction";
}

TEST(Dispatch, DoesNotRunCodeThatIsUnmappedByNow) {
    ShaderBench bench;
    bench.load(kStoreIndex);
    bench.pass_data_address();
    bench.enable_group_ids();
    bench.set_threads(64);
    ASSERT_TRUE(bench.run().done());
    bench.memory.map(ShaderBench::kCode, 8);  // shorter, and empty
    EXPECT_FALSE(bench.run().done());
}

TEST(Dispatch, StartsAtTheGivenGroup) {
    ShaderBench bench;
    bench.load(kStoreIndex);
    bench.pass_data_address();
    bench.enable_group_ids();
    bench.set_threads(64);
    bench.dispatch.start[0] = 2;
    bench.dispatch.groups[0] = 3;
    ASSERT_TRUE(bench.run().done());
    EXPECT_EQ(bench.data(127), 0u);
    EXPECT_EQ(bench.data(128), 128u);
    EXPECT_EQ(bench.data(191), 191u);
    EXPECT_EQ(bench.data(192), 0u);
}

TEST(Dispatch, ForceStartIgnoresTheStart) {
    ShaderBench bench;
    bench.load(kStoreIndex);
    bench.pass_data_address();
    bench.enable_group_ids();
    bench.set_threads(64);
    bench.dispatch.start[0] = 2;
    bench.dispatch.groups[0] = 3;
    bench.dispatch.initiator |= 1u << 2;
    ASSERT_TRUE(bench.run().done());
    EXPECT_EQ(bench.data(5), 5u);
}

TEST(Dispatch, PartialGroupsLeaveThreadsOut) {
    for (const bool by_threads : {false, true}) {
        ShaderBench bench;
        bench.load(kStoreIndex);
        bench.pass_data_address();
        bench.enable_group_ids();
        bench.set_threads(64);
        if (by_threads) {
            bench.dispatch.initiator |= 1u << 5;
            bench.dispatch.groups[0] = 100;
        } else {
            bench.dispatch.initiator |= 1u << 1;
            bench.dispatch.threads[0] = 64 | 36u << 16;
            bench.dispatch.groups[0] = 2;
        }
        ASSERT_TRUE(bench.run().done());
        EXPECT_EQ(bench.data(99), 99u);
        EXPECT_EQ(bench.data(100), 0u);
    }
}

// data[x + 4 y + 16 z] = x | y << 8 | z << 16, in a group of 4 x 4 x 6 threads (two waves).
TEST(Dispatch, GivesThreadsTheirCoordinates) {
    ShaderBench bench;
    bench.load({
        {"v_lshl_add_u32 v3, v1, 2, v0", {0xd1fd0003, 0x04010501}},
        {"v_lshl_add_u32 v3, v2, 4, v3", {0xd1fd0003, 0x040d0902}},
        {"v_lshlrev_b32_e32 v3, 2, v3", {0x24060682}},
        {"v_lshl_or_b32 v4, v1, 8, v0", {0xd2000004, 0x04011101}},
        {"v_lshl_or_b32 v4, v2, 16, v4", {0xd2000004, 0x04112102}},
        {"global_store_dword v3, v4, s[0:1]", {0xdc708000, 0x00000403}},
        {"s_endpgm", {0xbf810000}},
    });
    bench.pass_data_address();
    bench.set_threads(4, 4, 6);
    ASSERT_TRUE(bench.run().done());
    for (unsigned i = 0; i < 96; i++)
        ASSERT_EQ(bench.data(i), (i % 4) | (i / 4 % 4) << 8 | (i / 16) << 16);
}

TEST(Dispatch, ReportsUnknownInstructions) {
    ShaderBench bench;
    bench.load({{"s_nop 0", {0xbf800000}}, {"s_endpgm", {0xbf810000}}});
    bench.memory.dword(ShaderBench::kCode + 4) = 0xf0000000;  // an image instruction
    bench.memory.dword(ShaderBench::kCode + 8) = 0x00000007;
    const JobOutcome outcome = bench.run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader);
    EXPECT_EQ(outcome.report,
              "unknown instruction f0000000 00000007 (MIMG opcode 0x0) at 0x100004");
}

TEST(Dispatch, ReportsFaults) {
    ShaderBench bench;
    bench.load({{"v_mov_b32_e32 v1, 0x1234", {0x7e0202ff, 0x00001234}},
                {"v_mov_b32_e32 v2, 1", {0x7e040281}},
                {"global_store_dword v[1:2], v0, off offset:4", {0xdc708004, 0x007f0001}},
                {"s_endpgm", {0xbf810000}}});
    const JobOutcome outcome = bench.run();
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, 0x100001238u);
    EXPECT_EQ(outcome.fault_access, Access::kWrite);
}

TEST(Dispatch, RunningOffTheCodeFaults) {
    ShaderBench bench;
    bench.dispatch.program_va = ShaderBench::kCode + (64 << 10) - 256;
    const JobOutcome outcome = bench.run();  // zeros are V_CNDMASK_B32
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kFault);
    EXPECT_EQ(outcome.fault_va, ShaderBench::kCode + (64 << 10));
    EXPECT_EQ(outcome.fault_access, Access::kRead);
}

TEST(Dispatch, AnEndlessShaderIsAHang) {
    ShaderBench bench;
    bench.load({{"s_branch 0xffff", {0xbf82ffff}}});
    bench.deadline_ns = 1;
    EXPECT_EQ(bench.run().kind, JobOutcome::Kind::kHang);
    bench.stop = true;
    EXPECT_EQ(bench.run().kind, JobOutcome::Kind::kStopped);
}

TEST(Dispatch, RefusesOversizedGroups) {
    ShaderBench bench;
    bench.load(kStoreIndex);
    bench.set_threads(1024, 2);
    EXPECT_EQ(bench.run().kind, JobOutcome::Kind::kBadShader);
}

// Sums 256 values through LDS: each of four waves adds its own, then thread 0 adds the rest.
TEST(Dispatch, BarriersOrderTheWavesOfAGroup) {
    ShaderBench bench;
    bench.load({
        {"v_lshlrev_b32_e32 v1, 2, v0", {0x24020082}},
        {"ds_write_b32 v1, v0", {0xd81a0000, 0x00000001}},
        {"s_movk_i32 s4, 0x80", {0xb0040080}},  // half the distance each round
        {"s_waitcnt lgkmcnt(0)", {0xbf8cc07f}},
        {"s_barrier", {0xbf8a0000}},
        // loop:
        {"v_cmp_gt_u32_e32 vcc, s4, v0", {0x7d980004}},
        {"s_and_saveexec_b64 s[6:7], vcc", {0xbe86206a}},
        {"v_lshl_add_u32 v2, s4, 2, v1", {0xd1fd0002, 0x04050404}},
        {"ds_read_b32 v3, v2", {0xd86c0000, 0x03000002}},
        {"ds_add_u32 v1, v3", {0xd8000000, 0x00000301}},
        {"s_mov_b64 exec, s[6:7]", {0xbefe0106}},
        {"s_barrier", {0xbf8a0000}},
        {"s_lshr_b32 s4, s4, 1", {0x8f048104}},
        {"s_cmp_lg_u32 s4, 0", {0xbf078004}},
        {"s_cbranch_scc1 0xfff3", {0xbf85fff3}},
        {"v_mov_b32_e32 v4, 0", {0x7e080280}},
        {"ds_read_b32 v5, v4", {0xd86c0000, 0x05000004}},
        {"global_store_dword v1, v5, s[0:1]", {0xdc708000, 0x00000501}},
        {"s_endpgm", {0xbf810000}},
    });
    bench.pass_data_address();
    bench.set_threads(256);
    bench.set_lds_bytes(1024);
    const JobOutcome outcome = bench.run();
    ASSERT_TRUE(outcome.done()) << outcome.report;
    for (unsigned i = 0; i < 256; i++) ASSERT_EQ(bench.data(i), 255u * 256 / 2) << i;
}

// Each lane counts down its own number: a loop that lanes leave one by one.
TEST(Dispatch, DivergentLoopsEnd) {
    ShaderBench bench;
    bench.load({
        {"v_mov_b32_e32 v1, 0", {0x7e020280}},
        {"v_mov_b32_e32 v2, v0", {0x7e040300}},
        {"s_mov_b64 s[4:5], exec", {0xbe84017e}},
        // loop:
        {"v_cmp_ne_u32_e32 vcc, 0, v2", {0x7d9a0480}},
        {"s_and_b64 exec, exec, vcc", {0x86fe6a7e}},
        {"s_cbranch_execz 3", {0xbf880003}},
        {"v_add_u32_e32 v1, v1, v2", {0x68020501}},
        {"v_add_u32_e32 v2, -1, v2", {0x680404c1}},
        {"s_branch 0xfffa", {0xbf82fffa}},
        {"s_mov_b64 exec, s[4:5]", {0xbefe0104}},
        {"v_lshlrev_b32_e32 v3, 2, v0", {0x24060082}},
        {"global_store_dword v3, v1, s[0:1]", {0xdc708000, 0x00000103}},
        {"s_endpgm", {0xbf810000}},
    });
    bench.pass_data_address();
    bench.set_threads(64);
    ASSERT_TRUE(bench.run().done());
    for (unsigned i = 0; i < 64; i++) ASSERT_EQ(bench.data(i), i * (i + 1) / 2) << i;
}

TEST(Dispatch, ThreadsOfAllGroupsShareAtomics) {
    ShaderBench bench;
    bench.load({
        {"v_mov_b32_e32 v1, 0", {0x7e020280}},
        {"v_mov_b32_e32 v2, 1", {0x7e040281}},
        {"global_atomic_add v3, v1, v2, s[0:1] glc", {0xdd098000, 0x03000201}},
        {"v_lshlrev_b32_e32 v4, 2, v3", {0x24080682}},
        {"global_store_dword v4, v2, s[0:1] offset:16", {0xdc708010, 0x00000204}},
        {"s_endpgm", {0xbf810000}},
    });
    bench.pass_data_address();
    bench.set_threads(256);
    bench.dispatch.groups[0] = 4;
    ASSERT_TRUE(bench.run().done());
    EXPECT_EQ(bench.data(0), 1024u);
    for (unsigned i = 0; i < 1024; i++) ASSERT_EQ(bench.data(4 + i), 1u);
}

}  // namespace
}  // namespace simgpu::gfx9::test
