// SMEM: loads and stores of every size, of memory and of buffers, and clocks.
#include <gtest/gtest.h>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

constexpr unsigned kDwords = 32;

struct Access {
    Line line;
    unsigned dwords;
};

// Memory at s[0:1], and the same as a buffer of `records` bytes in s[8:11].
class ScalarMemory : public testing::Test {
  protected:
    ScalarMemory() {
        bench.fake.map(kVa, 4 * kDwords);
        for (unsigned i = 0; i < kDwords; i++) dword(i) = 0x01000000 + i;
        bench.wave->set_s64(0, kVa);
        bench.wave->set_s64(8, kVa);
        bench.wave->s[10] = 4 * kDwords;
    }
    uint32_t& dword(unsigned i) { return bench.fake.dword(kVa + 4 * uint64_t{i}); }
    WaveBench bench;
};

TEST_F(ScalarMemory, Loads) {
    const Access cases[] = {
        {{"s_load_dword s16, s[0:1], 0x10", {0xc0020400, 0x00000010}}, 1},
        {{"s_load_dwordx2 s[16:17], s[0:1], 0x10", {0xc0060400, 0x00000010}}, 2},
        {{"s_load_dwordx4 s[16:19], s[0:1], 0x10", {0xc00a0400, 0x00000010}}, 4},
        {{"s_load_dwordx8 s[16:23], s[0:1], 0x10", {0xc00e0400, 0x00000010}}, 8},
        {{"s_load_dwordx16 s[16:31], s[0:1], 0x10", {0xc0120400, 0x00000010}}, 16},
        {{"s_buffer_load_dword s16, s[8:11], 0x10", {0xc0220404, 0x00000010}}, 1},
        {{"s_buffer_load_dwordx2 s[16:17], s[8:11], 0x10", {0xc0260404, 0x00000010}}, 2},
        {{"s_buffer_load_dwordx4 s[16:19], s[8:11], 0x10", {0xc02a0404, 0x00000010}}, 4},
        {{"s_buffer_load_dwordx8 s[16:23], s[8:11], 0x10", {0xc02e0404, 0x00000010}}, 8},
        {{"s_buffer_load_dwordx16 s[16:31], s[8:11], 0x10", {0xc0320404, 0x00000010}}, 16},
    };
    for (const Access& c : cases) {
        for (unsigned i = 16; i < 40; i++) bench.wave->s[i] = 0xdeadbeef;
        bench.run(c.line);
        for (unsigned i = 0; i < 24; i++)
            EXPECT_EQ(bench.wave->s[16 + i], i < c.dwords ? 0x01000004 + i : 0xdeadbeef)
                << c.line.text;
    }
}

TEST_F(ScalarMemory, Stores) {
    const Access cases[] = {
        {{"s_store_dword s16, s[0:1], 0x10", {0xc0420400, 0x00000010}}, 1},
        {{"s_store_dwordx2 s[16:17], s[0:1], 0x10", {0xc0460400, 0x00000010}}, 2},
        {{"s_store_dwordx4 s[16:19], s[0:1], 0x10", {0xc04a0400, 0x00000010}}, 4},
        {{"s_buffer_store_dword s16, s[8:11], 0x10", {0xc0620404, 0x00000010}}, 1},
        {{"s_buffer_store_dwordx2 s[16:17], s[8:11], 0x10", {0xc0660404, 0x00000010}}, 2},
        {{"s_buffer_store_dwordx4 s[16:19], s[8:11], 0x10", {0xc06a0404, 0x00000010}}, 4},
    };
    for (unsigned i = 0; i < 8; i++) bench.wave->s[16 + i] = 0xabcd0000 + i;
    for (const Access& c : cases) {
        for (unsigned i = 0; i < kDwords; i++) dword(i) = 0;
        bench.run(c.line);
        for (unsigned i = 0; i < kDwords; i++)
            EXPECT_EQ(dword(i), i - 4 < c.dwords ? 0xabcd0000 + i - 4 : 0) << c.line.text;
    }
}

// NUM_RECORDS counts bytes, or records if there is a stride.
TEST_F(ScalarMemory, BufferStoresStopAtTheEnd) {
    for (unsigned i = 0; i < 4; i++) bench.wave->s[16 + i] = i + 1;
    bench.wave->s[10] = 24;
    bench.run({"s_buffer_store_dwordx4 s[16:19], s[8:11], 0x10", {0xc06a0404, 0x00000010}});
    EXPECT_EQ(dword(5), 2u);
    EXPECT_EQ(dword(6), 0x01000006u);
    bench.wave->s[9] |= 16 << 16;
    bench.wave->s[10] = 2;
    bench.run({"s_buffer_load_dwordx2 s[16:17], s[8:11], 0x1c", {0xc0260404, 0x0000001c}});
    EXPECT_EQ(bench.wave->s[16], 0x01000007u);
    EXPECT_EQ(bench.wave->s[17], 0u);
}

TEST_F(ScalarMemory, ClocksRun) {
    for (const Line& line : {Line{"s_memtime s[16:17]", {0xc0900400, 0x00000000}},
                             Line{"s_memrealtime s[16:17]", {0xc0940400, 0x00000000}}}) {
        bench.run(line);
        const uint64_t first = bench.wave->s64(16);
        EXPECT_NE(first, 0u) << line.text;
        bench.run(line);
        EXPECT_GE(bench.wave->s64(16), first) << line.text;
    }
}

}  // namespace
}  // namespace simgpu::gfx9::test
