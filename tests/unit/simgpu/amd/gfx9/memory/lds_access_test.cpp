// DS: reads and writes of LDS of every size, at every alignment that they allow.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

constexpr uint64_t kLdsAccessExec = 0xffff'0fff'ffff'fff7;

// LDS of bytes that all differ from their neighbours, half of them with the top bit set.
class LdsAccess : public testing::Test {
  protected:
    LdsAccess() {
        for (unsigned i = 0; i < bench.group.lds_bytes; i++) byte(i) = pattern(i);
        bench.wave->set_exec(kLdsAccessExec);
    }
    static uint8_t pattern(unsigned i) { return static_cast<uint8_t>(i * 167 + (i >> 8) * 31 + 5); }
    uint8_t& byte(unsigned i) { return reinterpret_cast<uint8_t*>(bench.group.lds_data())[i]; }
    static bool active(unsigned lane) { return kLdsAccessExec >> lane & 1; }
    void set_addresses(unsigned stride) {
        for (unsigned lane = 0; lane < kLanes; lane++) bench.wave->v[1].lane[lane] = stride * lane;
    }
    WaveBench bench;
};

enum class Half { kWhole, kLow, kHigh };

TEST_F(LdsAccess, SmallReads) {
    const struct {
        Line line;
        unsigned bytes;
        bool sign;
        Half half;
    } cases[] = {
        {{"ds_read_i8 v8, v1 offset:3", {0xd8720003, 0x08000001}}, 1, true, Half::kWhole},
        {{"ds_read_u8 v8, v1 offset:3", {0xd8740003, 0x08000001}}, 1, false, Half::kWhole},
        {{"ds_read_i16 v8, v1 offset:3", {0xd8760003, 0x08000001}}, 2, true, Half::kWhole},
        {{"ds_read_u16 v8, v1 offset:3", {0xd8780003, 0x08000001}}, 2, false, Half::kWhole},
        {{"ds_read_u8_d16 v8, v1 offset:3", {0xd8ac0003, 0x08000001}}, 1, false, Half::kLow},
        {{"ds_read_u8_d16_hi v8, v1 offset:3", {0xd8ae0003, 0x08000001}}, 1, false, Half::kHigh},
        {{"ds_read_i8_d16 v8, v1 offset:3", {0xd8b00003, 0x08000001}}, 1, true, Half::kLow},
        {{"ds_read_i8_d16_hi v8, v1 offset:3", {0xd8b20003, 0x08000001}}, 1, true, Half::kHigh},
        {{"ds_read_u16_d16 v8, v1 offset:3", {0xd8b40003, 0x08000001}}, 2, false, Half::kLow},
        {{"ds_read_u16_d16_hi v8, v1 offset:3", {0xd8b60003, 0x08000001}}, 2, false, Half::kHigh},
    };
    set_addresses(5);
    for (const auto& c : cases) {
        bench.fill(8, 0xaaaabbbb);
        bench.run(c.line);
        for (unsigned lane = 0; lane < kLanes; lane++) {
            int64_t value = 0;
            for (unsigned i = 0; i < c.bytes; i++)
                value += int64_t{pattern(5 * lane + 3 + i)} << (8 * i);
            if (c.sign && value >> (8 * c.bytes - 1)) value -= int64_t{1} << (8 * c.bytes);
            auto expected = static_cast<uint32_t>(value);
            if (c.half == Half::kLow) expected = 0xaaaa0000 | (expected & 0xffff);
            if (c.half == Half::kHigh) expected = 0x0000bbbb | expected << 16;
            EXPECT_EQ(bench.lane(8, lane), active(lane) ? expected : 0xaaaabbbb) << c.line.text;
        }
    }
}

TEST_F(LdsAccess, SmallWrites) {
    const struct {
        Line line;
        unsigned bytes, shift;
    } cases[] = {
        {{"ds_write_b8 v1, v8 offset:3", {0xd83c0003, 0x00000801}}, 1, 0},
        {{"ds_write_b16 v1, v8 offset:3", {0xd83e0003, 0x00000801}}, 2, 0},
        {{"ds_write_b8_d16_hi v1, v8 offset:3", {0xd8a80003, 0x00000801}}, 1, 16},
        {{"ds_write_b16_d16_hi v1, v8 offset:3", {0xd8aa0003, 0x00000801}}, 2, 16},
    };
    set_addresses(5);
    for (const auto& c : cases) {
        for (unsigned i = 0; i < bench.group.lds_bytes; i++) byte(i) = pattern(i);
        for (unsigned lane = 0; lane < kLanes; lane++)
            bench.wave->v[8].lane[lane] = 0x9b7a5d3c + lane * 0x01010101;
        bench.run(c.line);
        for (unsigned i = 0; i < bench.group.lds_bytes; i++) {
            const unsigned lane = (i - 3) / 5, within = (i - 3) % 5;
            uint8_t expected = pattern(i);
            if (i >= 3 && lane < kLanes && active(lane) && within < c.bytes)
                expected = static_cast<uint8_t>(bench.lane(8, lane) >> (c.shift + 8 * within));
            ASSERT_EQ(byte(i), expected) << c.line.text << " byte " << i;
        }
    }
}

// Reads of one or two elements, and the writes that are their counterparts.
struct WideCase {
    Line read, write;
    unsigned dwords;      // of an element
    unsigned offsets[2];  // of the elements, in dwords
    unsigned elements;
};

// clang-format off
const WideCase kWideCases[] = {
    {{"ds_read_b32 v8, v1 offset:8", {0xd86c0008, 0x08000001}}, {"ds_write_b32 v1, v8 offset:8", {0xd81a0008, 0x00000801}}, 1, {2}, 1},
    {{"ds_read_b64 v[8:9], v1 offset:8", {0xd8ec0008, 0x08000001}}, {"ds_write_b64 v1, v[8:9] offset:8", {0xd89a0008, 0x00000801}}, 2, {2}, 1},
    {{"ds_read_b96 v[8:10], v1 offset:8", {0xd9fc0008, 0x08000001}}, {"ds_write_b96 v1, v[8:10] offset:8", {0xd9bc0008, 0x00000801}}, 3, {2}, 1},
    {{"ds_read_b128 v[8:11], v1 offset:8", {0xd9fe0008, 0x08000001}}, {"ds_write_b128 v1, v[8:11] offset:8", {0xd9be0008, 0x00000801}}, 4, {2}, 1},
    {{"ds_read2_b32 v[8:9], v1 offset0:3 offset1:7", {0xd86e0703, 0x08000001}}, {"ds_write2_b32 v1, v8, v9 offset0:3 offset1:7", {0xd81c0703, 0x00090801}}, 1, {3, 7}, 2},
    {{"ds_read2_b64 v[8:11], v1 offset0:3 offset1:7", {0xd8ee0703, 0x08000001}}, {"ds_write2_b64 v1, v[8:9], v[10:11] offset0:3 offset1:7", {0xd89c0703, 0x000a0801}}, 2, {6, 14}, 2},
    {{"ds_read2st64_b32 v[8:9], v1 offset0:1 offset1:2", {0xd8700201, 0x08000001}}, {"ds_write2st64_b32 v1, v8, v9 offset0:1 offset1:2", {0xd81e0201, 0x00090801}}, 1, {64, 128}, 2},
    {{"ds_read2st64_b64 v[8:11], v1 offset0:1 offset1:2", {0xd8f00201, 0x08000001}}, {"ds_write2st64_b64 v1, v[8:9], v[10:11] offset0:1 offset1:2", {0xd89e0201, 0x000a0801}}, 2, {128, 256}, 2},
};
// clang-format on

TEST_F(LdsAccess, WideReads) {
    set_addresses(20);
    for (const WideCase& c : kWideCases) {
        for (unsigned vgpr = 8; vgpr < 16; vgpr++) bench.fill(vgpr, 0xdeadbeef);
        bench.run(c.read);
        for (unsigned lane = 0; lane < kLanes; lane++)
            for (unsigned i = 0; i < 8; i++) {
                uint32_t expected = 0xdeadbeef;
                const unsigned at = 20 * lane + 4 * (c.offsets[i / c.dwords & 1] + i % c.dwords);
                if (active(lane) && i < c.elements * c.dwords)
                    std::memcpy(&expected, &byte(at), sizeof expected);
                ASSERT_EQ(bench.lane(8 + i, lane), expected) << c.read.text << " lane " << lane;
            }
    }
}

TEST_F(LdsAccess, WideWrites) {
    set_addresses(0);
    for (const WideCase& c : kWideCases) {
        std::memset(bench.group.lds_data(), 0, bench.group.lds_bytes);
        for (unsigned vgpr = 8; vgpr < 16; vgpr++) bench.fill(vgpr, 0xabcd0000 + vgpr);
        bench.run(c.write);
        for (unsigned i = 0; i < bench.group.lds_bytes / 4; i++) {
            uint32_t expected = 0;
            for (unsigned element = 0; element < c.elements; element++)
                if (i - c.offsets[element] < c.dwords)
                    expected = 0xabcd0008 + element * c.dwords + i - c.offsets[element];
            ASSERT_EQ(bench.group.lds[i], expected) << c.write.text << " dword " << i;
        }
    }
}

}  // namespace
}  // namespace simgpu::gfx9::test
