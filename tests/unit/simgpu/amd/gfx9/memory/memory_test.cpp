// Memory instructions: SMEM, MUBUF, MTBUF, FLAT, GLOBAL, SCRATCH.
#include <gtest/gtest.h>

#include <bit>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

constexpr size_t kBytes = 8192;

class Memory : public testing::Test {
  protected:
    Memory() {
        bench.fake.map(kVa, kBytes);
        for (unsigned i = 0; i < kBytes / 4; i++) dword(i) = 0x01000000 + i;
        bench.wave->set_s64(0, kVa);
        for (unsigned lane = 0; lane < kLanes; lane++) {
            bench.wave->v[1].lane[lane] = 4 * lane;
            bench.wave->v[5].lane[lane] = lane;
        }
        set_address(2, kVa);
    }
    uint32_t& dword(unsigned index) { return bench.fake.dword(kVa + 4 * uint64_t{index}); }
    // v[vgpr:vgpr+1] = va + 4 * lane.
    void set_address(unsigned vgpr, uint64_t va) {
        for (unsigned lane = 0; lane < kLanes; lane++) {
            bench.wave->v[vgpr].lane[lane] = static_cast<uint32_t>(va + 4 * lane);
            bench.wave->v[vgpr + 1].lane[lane] = static_cast<uint32_t>((va + 4 * lane) >> 32);
        }
    }
    // The descriptor in s[8:11].
    void set_buffer(uint32_t stride, uint32_t num_records, uint32_t word3 = kRaw32,
                    uint32_t flags = 0) {
        bench.wave->s[8] = static_cast<uint32_t>(kVa);
        bench.wave->s[9] = static_cast<uint32_t>(kVa >> 32) | stride << 16 | flags;
        bench.wave->s[10] = num_records;
        bench.wave->s[11] = word3;
    }
    bool faulted() const { return bench.wave->status == Wave::Status::kFault; }

    // DST_SEL xyzw, 32-bit float.
    static constexpr uint32_t kSelects = 4 | 5 << 3 | 6 << 6 | 7 << 9;
    static constexpr uint32_t kRaw32 = kSelects | 7 << 12 | 4 << 15;

    WaveBench bench;
};

TEST_F(Memory, GlobalLoadsOfAllSizes) {
    dword(0) = 0x8081f2f3;
    bench.run({"global_load_dwordx4 v[8:11], v[2:3], off offset:16", {0xdc5c8010, 0x087f0002}});
    for (unsigned lane = 0; lane < kLanes; lane++)
        for (unsigned i = 0; i < 4; i++)
            ASSERT_EQ(bench.lane(8 + i, lane), 0x01000000 + 4 + lane + i);
    bench.run({"global_load_dwordx3 v[8:10], v1, s[0:1] offset:4", {0xdc588004, 0x08000001}});
    EXPECT_EQ(bench.lane(10, 3), 0x01000006u);
    bench.fill(8, 0xaaaabbbb);
    const struct {
        Line line;
        uint32_t expected;
    } cases[] = {
        {{"global_load_ubyte v8, v1, s[0:1]", {0xdc408000, 0x08000001}}, 0xf3},
        {{"global_load_sbyte v8, v1, s[0:1]", {0xdc448000, 0x08000001}}, 0xfffffff3},
        {{"global_load_ushort v8, v1, s[0:1] offset:2", {0xdc488002, 0x08000001}}, 0x8081},
        {{"global_load_sshort v8, v1, s[0:1] offset:2", {0xdc4c8002, 0x08000001}}, 0xffff8081},
        {{"global_load_dword v8, v1, s[0:1]", {0xdc508000, 0x08000001}}, 0x8081f2f3},
        {{"global_load_short_d16 v8, v1, s[0:1]", {0xdc908000, 0x08000001}}, 0xaaaaf2f3},
        {{"global_load_short_d16_hi v8, v1, s[0:1]", {0xdc948000, 0x08000001}}, 0xf2f3bbbb},
        {{"global_load_ubyte_d16 v8, v1, s[0:1]", {0xdc808000, 0x08000001}}, 0xaaaa00f3},
        {{"global_load_ubyte_d16_hi v8, v1, s[0:1]", {0xdc848000, 0x08000001}}, 0x00f3bbbb},
        {{"global_load_sbyte_d16 v8, v1, s[0:1]", {0xdc888000, 0x08000001}}, 0xaaaafff3},
        {{"global_load_sbyte_d16_hi v8, v1, s[0:1]", {0xdc8c8000, 0x08000001}}, 0xfff3bbbb},
    };
    for (const auto& c : cases) {
        bench.fill(8, 0xaaaabbbb);
        bench.run(c.line);
        EXPECT_EQ(bench.lane(8, 0), c.expected) << c.line.text;
    }
}

TEST_F(Memory, GlobalStoresOfAllSizes) {
    bench.fill(8, 0x11223344);
    bench.fill(9, 0x55667788);
    bench.wave->set_exec(1);
    bench.run({"global_store_byte v1, v8, s[0:1]", {0xdc608000, 0x00000801}});
    EXPECT_EQ(dword(0), 0x01000044u);
    bench.run({"global_store_byte_d16_hi v1, v8, s[0:1] offset:1", {0xdc648001, 0x00000801}});
    EXPECT_EQ(dword(0), 0x01002244u);
    bench.run({"global_store_short_d16_hi v1, v8, s[0:1] offset:2", {0xdc6c8002, 0x00000801}});
    EXPECT_EQ(dword(0), 0x11222244u);
    bench.run({"global_store_short v1, v8, s[0:1] offset:3",
               {0xdc688003, 0x00000801}});  // across two dwords
    EXPECT_EQ(dword(0), 0x44222244u);
    EXPECT_EQ(dword(1), 0x01000033u);
    bench.run({"global_store_dwordx2 v1, v[8:9], s[0:1] offset:8", {0xdc748008, 0x00000801}});
    EXPECT_EQ(dword(2), 0x11223344u);
    EXPECT_EQ(dword(3), 0x55667788u);
    EXPECT_EQ(dword(4), 0x01000004u);
    bench.fill64(10, 0x99aabbccddeeff00);
    for (const Line& line :
         {Line{"global_store_dwordx3 v1, v[8:10], s[0:1] offset:32", {0xdc788020, 0x00000801}},
          Line{"global_store_dwordx4 v1, v[8:11], s[0:1] offset:32", {0xdc7c8020, 0x00000801}}}) {
        bench.run(line);
        EXPECT_EQ(dword(8), 0x11223344u) << line.text;
        EXPECT_EQ(dword(9), 0x55667788u) << line.text;
        EXPECT_EQ(dword(10), 0xddeeff00u) << line.text;
    }
    EXPECT_EQ(dword(11), 0x99aabbccu);
    EXPECT_EQ(dword(12), 0x0100000cu);
    bench.run({"global_store_dword v1, v8, s[0:1] offset:-4096", {0xdc709000, 0x00000801}});
    EXPECT_TRUE(faulted());
}

TEST_F(Memory, UnalignedDwords) {
    bench.wave->set_exec(1);
    bench.run({"global_load_dword v8, v1, s[0:1] offset:1", {0xdc508001, 0x08000001}});
    EXPECT_EQ(bench.lane(8, 0), 0x01010000u);
    bench.fill(8, 0xa1a2a3a4);
    bench.run({"global_store_dword v1, v8, s[0:1] offset:2", {0xdc708002, 0x00000801}});
    EXPECT_EQ(dword(0), 0xa3a40000u);
    EXPECT_EQ(dword(1), 0x0100a1a2u);
}

TEST_F(Memory, LanesInDifferentMappings) {
    bench.fake.map(kVa + 0x10000000, 64);
    bench.fake.dword(kVa + 0x10000000) = 42;
    bench.wave->v[2].lane[7] = static_cast<uint32_t>(kVa + 0x10000000);
    bench.run({"global_load_dword v8, v[2:3], off", {0xdc508000, 0x087f0002}});
    EXPECT_EQ(bench.lane(8, 6), 0x01000006u);
    EXPECT_EQ(bench.lane(8, 7), 42u);
}

TEST_F(Memory, AccessesAcrossTheEndFault) {
    set_address(2, kVa + kBytes - 4 * kLanes);
    bench.run({"global_load_dword v8, v[2:3], off", {0xdc508000, 0x087f0002}});
    EXPECT_FALSE(faulted());
    bench.run({"global_load_dwordx2 v[8:9], v[2:3], off", {0xdc548000, 0x087f0002}});
    EXPECT_TRUE(faulted());
}

TEST_F(Memory, ReadOnlyMappingsRefuseStores) {
    bench.fake.map(kVa + 0x10000000, 4096, false);
    set_address(2, kVa + 0x10000000);
    bench.run({"global_load_dword v8, v[2:3], off", {0xdc508000, 0x087f0002}});
    EXPECT_FALSE(faulted());
    bench.run({"global_store_dword v[2:3], v8, off", {0xdc708000, 0x007f0802}});
    EXPECT_TRUE(faulted());
}

TEST_F(Memory, ContiguousLanesResolveOnce) {
    bench.fake.resolves = 0;
    for (unsigned i = 0; i < 100; i++)
        bench.run({"global_load_dword v8, v1, s[0:1]", {0xdc508000, 0x08000001}});
    EXPECT_LE(bench.fake.resolves, 2u);
}

TEST_F(Memory, FlatReachesLdsAndScratch) {
    bench.wave->set_exec(3);
    bench.group.lds[1] = 77;
    bench.fill64(2, 0x6000000000000004);
    bench.run({"flat_load_dword v8, v[2:3]", {0xdc500000, 0x08000002}});
    EXPECT_EQ(bench.lane(8, 0), 77u);
    bench.fill(10, 5);
    bench.run({"flat_atomic_add v8, v[2:3], v10 glc", {0xdd090000, 0x08000a02}});
    EXPECT_EQ(bench.group.lds[1], 87u);
    EXPECT_EQ(bench.lane(8, 1), 82u);
    // Scratch dword 2 of lane 1 is at 2 * 256 + 4.
    bench.wave->set_s64(code::kFlatScratchLo, kVa);
    bench.fill64(2, 0x6000000100000008);
    bench.run({"flat_store_dword v[2:3], v10", {0xdc700000, 0x00000a02}});
    EXPECT_EQ(dword(2 * 64 + 1), 5u);
    EXPECT_FALSE(faulted());
}

TEST_F(Memory, ScratchInterleavesLanes) {
    bench.wave->set_s64(code::kFlatScratchLo, kVa);
    bench.fill(4, 16);
    bench.run({"scratch_store_dwordx2 v4, v[1:2], off offset:8", {0xdc744008, 0x007f0104}});
    EXPECT_EQ(dword(6 * 64 + 5), 20u);
    EXPECT_EQ(dword(7 * 64 + 5), static_cast<uint32_t>(kVa) + 20);
    bench.wave->s[4] = 24;
    bench.run({"scratch_load_dword v8, off, s4", {0xdc504000, 0x08040000}});
    EXPECT_EQ(bench.lane(8, 5), 20u);
}

TEST_F(Memory, ScalarLoads) {
    bench.run({"s_load_dwordx8 s[16:23], s[0:1], 0x10", {0xc00e0400, 0x00000010}});
    for (unsigned i = 0; i < 8; i++) EXPECT_EQ(bench.wave->s[16 + i], 0x01000004 + i);
    bench.wave->s[4] = 0x23;  // the lowest bits do not count
    bench.run({"s_load_dword s16, s[0:1], s4", {0xc0000400, 0x00000004}});
    EXPECT_EQ(bench.wave->s[16], 0x01000008u);
    bench.run({"s_load_dword s16, s[0:1], -4", {0xc0020400, 0x001ffffc}});
    EXPECT_TRUE(faulted());
}

TEST_F(Memory, ScalarBufferLoadsStopAtTheEnd) {
    set_buffer(0, 24);
    bench.run({"s_buffer_load_dwordx4 s[16:19], s[8:11], 0x10", {0xc02a0404, 0x00000010}});
    EXPECT_EQ(bench.wave->s[16], 0x01000004u);
    EXPECT_EQ(bench.wave->s[17], 0x01000005u);
    EXPECT_EQ(bench.wave->s[18], 0u);
    EXPECT_FALSE(faulted());
}

TEST_F(Memory, RawBuffersCheckBytes) {
    set_buffer(0, 64);
    bench.run({"buffer_load_dword v8, v1, s[8:11], 0 offen", {0xe0501000, 0x80020801}});
    EXPECT_EQ(bench.lane(8, 15), 0x0100000fu);
    EXPECT_EQ(bench.lane(8, 16), 0u);
    bench.run({"buffer_load_dwordx2 v[8:9], v1, s[8:11], 0 offen", {0xe0541000, 0x80020801}});
    EXPECT_EQ(bench.lane(8, 15), 0x0100000fu);
    EXPECT_EQ(bench.lane(9, 15), 0u);
    bench.wave->s[4] = 32;
    bench.run({"buffer_load_dword v8, v1, s[8:11], s4 offen", {0xe0501000, 0x04020801}});
    EXPECT_EQ(bench.lane(8, 7), 0x0100000fu);
    EXPECT_EQ(bench.lane(8, 8), 0u);
    bench.fill(8, 7);
    bench.run({"buffer_store_dword v8, v1, s[8:11], 0 offen", {0xe0701000, 0x80020801}});
    EXPECT_EQ(dword(15), 7u);
    EXPECT_EQ(dword(16), 0x01000010u);
    bench.run({"buffer_atomic_add v8, v1, s[8:11], 0 offen glc", {0xe1085000, 0x80020801}});
    EXPECT_EQ(dword(15), 14u);
    EXPECT_EQ(bench.lane(8, 15), 7u);
    EXPECT_EQ(bench.lane(8, 16), 0u);
    EXPECT_FALSE(faulted());
}

TEST_F(Memory, BufferOffsetsWrap) {
    set_buffer(0, 64);
    for (uint32_t& lane : bench.wave->v[1].lane) lane = 0u - lane;
    bench.run({"buffer_load_dword v8, v1, s[8:11], 0 offen offset:60", {0xe050103c, 0x80020801}});
    EXPECT_EQ(bench.lane(8, 15), 0x01000000u);
    EXPECT_EQ(bench.lane(8, 5), 0x0100000au);
}

TEST_F(Memory, StructuredBuffersCheckRecords) {
    set_buffer(16, 10);
    bench.run({"buffer_load_dword v8, v5, s[8:11], 0 idxen offset:4", {0xe0502004, 0x80020805}});
    EXPECT_EQ(bench.lane(8, 9), 0x01000000u + 9 * 4 + 1);
    EXPECT_EQ(bench.lane(8, 10), 0u);
    bench.fill(6, 8);
    bench.run({"buffer_load_dword v8, v[5:6], s[8:11], 0 idxen offen", {0xe0503000, 0x80020805}});
    EXPECT_EQ(bench.lane(8, 9), 0x01000000u + 9 * 4 + 2);
}

TEST_F(Memory, SwizzledBuffersInterleaveRecords) {
    // Index stride 64, thread id added: scratch as LLVM lays it out.
    set_buffer(0, kBytes, kRaw32 | 3 << 21 | 1 << 23, 1u << 31);
    bench.wave->s[11] &= ~(15u << 15);  // stride bits 17:14
    bench.run({"buffer_store_dwordx2 v[5:6], off, s[8:11], 0 offset:8", {0xe0740008, 0x80020500}});
    EXPECT_EQ(dword(2 * 64 + 33), 33u);
    bench.run({"buffer_load_dword v8, off, s[8:11], 0 offset:8", {0xe0500008, 0x80020800}});
    EXPECT_EQ(bench.lane(8, 33), 33u);
}

TEST_F(Memory, TypedLoadsConvert) {
    const struct {
        Line line;
        uint32_t texel;
        uint32_t expected[4];
    } cases[] = {
        {{"tbuffer_load_format_xyzw v[8:11], v1, s[8:11], dfmt:10, nfmt:0, 0 offen",
          {0xe8519000, 0x80020801}},
         0xff8000ff,
         {std::bit_cast<uint32_t>(1.0f), 0, std::bit_cast<uint32_t>(128 / 255.0f),
          std::bit_cast<uint32_t>(1.0f)}},
        {{"tbuffer_load_format_xyzw v[8:11], v1, s[8:11], dfmt:10, nfmt:5, 0 offen",
          {0xead19000, 0x80020801}},
         0xff8001fe,
         {0xfffffffe, 1, 0xffffff80, 0xffffffff}},
        {{"tbuffer_load_format_xyzw v[8:11], v1, s[8:11], dfmt:5, nfmt:7, 0 offen",
          {0xeba99000, 0x80020801}},
         0xc0003c00,
         {std::bit_cast<uint32_t>(1.0f), std::bit_cast<uint32_t>(-2.0f), 0,
          std::bit_cast<uint32_t>(1.0f)}},
        {{"tbuffer_load_format_xyzw v[8:11], v1, s[8:11], dfmt:9, nfmt:4, 0 offen",
          {0xea499000, 0x80020801}},
         0xc0300803,
         {3, 2, 3, 3}},
        {{"tbuffer_load_format_xyzw v[8:11], v1, s[8:11], dfmt:6, nfmt:7, 0 offen",
          {0xebb19000, 0x80020801}},
         0x781e03c0,
         {std::bit_cast<uint32_t>(1.0f), std::bit_cast<uint32_t>(1.0f),
          std::bit_cast<uint32_t>(1.0f), std::bit_cast<uint32_t>(1.0f)}},
        {{"tbuffer_load_format_xyzw v[8:11], v1, s[8:11], dfmt:4, nfmt:4, 0 offen",
          {0xea219000, 0x80020801}},
         77,
         {77, 0, 0, 1}},
    };
    set_buffer(0, 64);
    for (const auto& c : cases) {
        dword(0) = c.texel;
        bench.run(c.line);
        for (unsigned i = 0; i < 4; i++)
            EXPECT_EQ(bench.lane(8 + i, 0), c.expected[i]) << c.line.text << " component " << i;
        EXPECT_EQ(bench.lane(8, 20), 0u);
    }
}

TEST_F(Memory, TypedStoresConvertBack) {
    set_buffer(0, 64);
    bench.wave->set_exec(1);
    bench.fill(8, std::bit_cast<uint32_t>(1.0f));
    bench.fill(9, std::bit_cast<uint32_t>(-0.5f));
    bench.fill(10, std::bit_cast<uint32_t>(0.25f));
    bench.fill(11, std::bit_cast<uint32_t>(2.0f));
    bench.run({"tbuffer_store_format_xyzw v[8:11], v1, s[8:11], dfmt:10, nfmt:0, 0 offen",
               {0xe8539000, 0x80020801}});
    EXPECT_EQ(dword(0), 0xff4000ffu);
    bench.run({"tbuffer_store_format_xyzw v[8:11], v1, s[8:11], dfmt:10, nfmt:1, 0 offen",
               {0xe8d39000, 0x80020801}});
    EXPECT_EQ(dword(0), 0x7f20c07fu);
    bench.run({"tbuffer_store_format_xy v[8:9], v1, s[8:11], dfmt:5, nfmt:7, 0 offen",
               {0xebaa9000, 0x80020801}});
    EXPECT_EQ(dword(0), 0xb8003c00u);
}

TEST_F(Memory, FormattedLoadsFollowTheDescriptor) {
    // 8_8_8_8 uint, components swapped, the last one the constant 1.
    set_buffer(4, 16, 6 | 5 << 3 | 4 << 6 | 1 << 9 | 4 << 12 | 10 << 15);
    dword(3) = 0x44332211;
    bench.run({"buffer_load_format_xyzw v[8:11], v5, s[8:11], 0 idxen", {0xe00c2000, 0x80020805}});
    const uint32_t expected[] = {0x33, 0x22, 0x11, 1};
    for (unsigned i = 0; i < 4; i++) EXPECT_EQ(bench.lane(8 + i, 3), expected[i]);
    EXPECT_EQ(bench.lane(8, 16), 0u);
    bench.run({"buffer_load_format_d16_xy v8, v5, s[8:11], 0 idxen", {0xe0242000, 0x80020805}});
    EXPECT_EQ(bench.lane(8, 3), 0x00220033u);
}

TEST_F(Memory, UnsupportedFormsAreUnknown) {
    set_buffer(0, 64);
    const Line lines[] = {
        {"(buffer_load_dword v1, s[8:11], 0 offen lds)", {0xe0511000, 0x80020001}},
        {"buffer_load_dword v8, v1, s[8:11], 0 offen tfe", {0xe0501000, 0x80820801}},
        {"tbuffer_load_format_x v8, v1, s[8:11], dfmt:4, nfmt:7, 0 offen tfe",
         {0xeba01000, 0x80820801}},
    };
    for (const Line& line : lines) {
        bench.wave->status = Wave::Status::kRunning;
        bench.run(line);
        EXPECT_EQ(bench.wave->status, Wave::Status::kUnknown) << line.text;
    }
}

}  // namespace
}  // namespace simgpu::gfx9::test
