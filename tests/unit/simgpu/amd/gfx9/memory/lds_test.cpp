// DS: LDS accesses, LDS atomics, and lane permutations.
#include <gtest/gtest.h>

#include <bit>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

class LdsTest : public testing::Test {
  protected:
    LdsTest() {
        for (unsigned i = 0; i < 1024; i++) bench.group.lds[i] = 0x02000000 + i;
        for (unsigned lane = 0; lane < kLanes; lane++) {
            bench.wave->v[1].lane[lane] = 4 * lane;
            bench.wave->v[2].lane[lane] = 100 + lane;
            bench.wave->v[3].lane[lane] = 200 + lane;
        }
    }
    uint32_t lds(unsigned index) const { return bench.group.lds[index]; }
    WaveBench bench;
};

TEST_F(LdsTest, OutOfRangeReadsGiveZeroAndWritesAreDropped) {
    bench.group.lds_bytes = 64;
    bench.run({"ds_read_b32 v8, v1", {0xd86c0000, 0x08000001}});
    EXPECT_EQ(bench.lane(8, 15), 0x0200000fu);
    EXPECT_EQ(bench.lane(8, 16), 0u);
    bench.run({"ds_write_b32 v1, v2 offset:60", {0xd81a003c, 0x00000201}});
    EXPECT_EQ(lds(15), 100u);
    EXPECT_EQ(lds(16), 0x02000010u);
    bench.fill(1, 0xfffffff0);
    bench.run({"ds_add_rtn_u32 v8, v1, v2", {0xd8400000, 0x08000201}});
    EXPECT_EQ(bench.lane(8, 0), 0u);
    // A negative address wraps with its offset.
    bench.run({"ds_read_b32 v8, v1 offset:24", {0xd86c0018, 0x08000001}});
    EXPECT_EQ(bench.lane(8, 0), 0x02000002u);
}

TEST_F(LdsTest, AtomicsOfAllLanesAdd) {
    bench.fill(1, 0);
    bench.fill(4, 1);
    bench.group.lds[0] = 0;
    bench.run({"ds_add_rtn_u32 v8, v1, v4", {0xd8400000, 0x08000401}});
    EXPECT_EQ(lds(0), 64u);
    for (unsigned lane = 0; lane < kLanes; lane++) EXPECT_EQ(bench.lane(8, lane), lane);
    bench.group.lds[1] = 0;
    bench.fill64(4, 0x200000001);
    bench.run({"ds_add_u64 v1, v[4:5]", {0xd8800000, 0x00000401}});
    EXPECT_EQ(lds(0), 128u);
    EXPECT_EQ(lds(1), 128u);
}

struct SwizzleCase {
    Line line;
    unsigned (*source)(unsigned lane);
};

TEST_F(LdsTest, Swizzles) {
    const SwizzleCase cases[] = {
        {{"ds_swizzle_b32 v8, v2 offset:swizzle(QUAD_PERM, 3, 2, 1, 0)", {0xd87a801b, 0x08000002}},
         [](unsigned lane) { return lane ^ 3; }},
        {{"ds_swizzle_b32 v8, v2 offset:swizzle(SWAP, 16)", {0xd87a401f, 0x08000002}},
         [](unsigned lane) { return lane ^ 16; }},
        {{"ds_swizzle_b32 v8, v2 offset:swizzle(REVERSE, 8)", {0xd87a1c1f, 0x08000002}},
         [](unsigned lane) { return lane ^ 7; }},
        {{"ds_swizzle_b32 v8, v2 offset:swizzle(BROADCAST, 8, 3)", {0xd87a0078, 0x08000002}},
         [](unsigned lane) { return (lane & ~7u) | 3; }},
        {{"ds_swizzle_b32 v8, v2 offset:0xc060", {0xd87ac060, 0x08000002}},  // rotate by 3
         [](unsigned lane) { return (lane & 32) | ((lane + 3) & 31); }},
    };
    for (const SwizzleCase& c : cases) {
        bench.run(c.line);
        for (unsigned lane = 0; lane < kLanes; lane++)
            EXPECT_EQ(bench.lane(8, lane), 100 + c.source(lane)) << c.line.text << " " << lane;
    }
}

TEST_F(LdsTest, PermutesGatherAndScatter) {
    for (unsigned lane = 0; lane < kLanes; lane++)
        bench.wave->v[1].lane[lane] = 4 * ((lane + 5) % kLanes);
    bench.run({"ds_bpermute_b32 v8, v1, v2", {0xd87e0000, 0x08000201}});
    EXPECT_EQ(bench.lane(8, 0), 105u);
    EXPECT_EQ(bench.lane(8, 60), 101u);
    bench.run({"ds_permute_b32 v8, v1, v2", {0xd87c0000, 0x08000201}});
    EXPECT_EQ(bench.lane(8, 5), 100u);
    EXPECT_EQ(bench.lane(8, 0), 159u);
    bench.wave->set_exec(~uint64_t{1} << 5);
    bench.run({"ds_bpermute_b32 v8, v1, v2", {0xd87e0000, 0x08000201}});
    EXPECT_EQ(bench.lane(8, 59), 0u);   // lane 0 is inactive
    EXPECT_EQ(bench.lane(8, 5), 100u);  // inactive: as before
}

TEST_F(LdsTest, ThreadIdAddressesAndAppend) {
    bench.wave->s[code::kM0] = 64;
    bench.run({"ds_read_addtid_b32 v8 offset:4", {0xd96c0004, 0x08000000}});
    EXPECT_EQ(bench.lane(8, 3), 0x02000000u + 16 + 1 + 3);
    bench.wave->set_exec(0xff);
    bench.run({"ds_append v8", {0xd97c0000, 0x08000000}});
    EXPECT_EQ(bench.lane(8, 0), 0x02000010u);
    EXPECT_EQ(lds(16), 0x02000018u);
    bench.run({"ds_write_addtid_b32 v2 offset:8", {0xd83a0008, 0x00000200}});
    EXPECT_EQ(lds(16 + 2 + 7), 107u);
    EXPECT_EQ(lds(16 + 2 + 8), 0x02000000u + 16 + 2 + 8);  // of an inactive lane
    bench.run({"ds_consume v8", {0xd97a0000, 0x08000000}});
    EXPECT_EQ(lds(16), 0x02000010u);
}

}  // namespace
}  // namespace simgpu::gfx9::test
