// Integer vector instructions, one by one.
#include <gtest/gtest.h>

#include "tests/unit/simgpu/amd/gfx9/alu/valu_cases.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

const ValuCase kValuIntegerCases[] = {
    // VOP1
    {{"v_mov_b32_e32 v8, v2", {0x7e100302}}, 0x12345678, 0, 0, 0x12345678},
    {{"v_not_b32_e32 v8, v2", {0x7e105702}}, 0x0f0f0000, 0, 0, 0xf0f0ffff},
    {{"v_bfrev_b32_e32 v8, v2", {0x7e105902}}, 0x00000001, 0, 0, 0x80000000},
    {{"v_bfrev_b32_e32 v8, v2", {0x7e105902}}, 0x12345678, 0, 0, 0x1e6a2c48},
    {{"v_ffbh_u32_e32 v8, v2", {0x7e105b02}}, 0x00010000, 0, 0, 15},
    {{"v_ffbh_u32_e32 v8, v2", {0x7e105b02}}, 0, 0, 0, 0xffffffff},
    {{"v_ffbl_b32_e32 v8, v2", {0x7e105d02}}, 0x00010000, 0, 0, 16},
    {{"v_ffbl_b32_e32 v8, v2", {0x7e105d02}}, 0, 0, 0, 0xffffffff},
    {{"v_ffbh_i32_e32 v8, v2", {0x7e105f02}}, 0xffffffff, 0, 0, 0xffffffff},
    {{"v_ffbh_i32_e32 v8, v2", {0x7e105f02}}, 0x80000000, 0, 0, 1},
    {{"v_ffbh_i32_e32 v8, v2", {0x7e105f02}}, 2, 0, 0, 30},
    {{"v_sat_pk_u8_i16_e32 v8, v2", {0x7e109f02}}, 0x01ff0042, 0, 0, 0xff42},
    {{"v_sat_pk_u8_i16_e32 v8, v2", {0x7e109f02}}, 0xffff0042, 0, 0, 0x0042},
    // VOP2
    {{"v_mul_i32_i24_e32 v8, v2, v4", {0x0c100902}}, 0x12ffffff, 7, 0, 0xfffffff9},
    {{"v_mul_hi_i32_i24_e32 v8, v2, v4", {0x0e100902}}, 0x00ffffff, 7, 0, 0xffffffff},
    {{"v_mul_u32_u24_e32 v8, v2, v4", {0x10100902}}, 0xff000003, 0xff000005, 0, 15},
    {{"v_mul_hi_u32_u24_e32 v8, v2, v4", {0x12100902}}, 0x00800000, 0x00800000, 0, 0x4000},
    {{"v_min_i32_e32 v8, v2, v4", {0x18100902}}, 0xffffffff, 1, 0, 0xffffffff},
    {{"v_max_i32_e32 v8, v2, v4", {0x1a100902}}, 0xffffffff, 1, 0, 1},
    {{"v_min_u32_e32 v8, v2, v4", {0x1c100902}}, 0xffffffff, 1, 0, 1},
    {{"v_max_u32_e32 v8, v2, v4", {0x1e100902}}, 0xffffffff, 1, 0, 0xffffffff},
    {{"v_lshrrev_b32_e32 v8, v2, v4", {0x20100902}}, 36, 0x80000000, 0, 0x08000000},
    {{"v_ashrrev_i32_e32 v8, v2, v4", {0x22100902}}, 4, 0x80000000, 0, 0xf8000000},
    {{"v_lshlrev_b32_e32 v8, v2, v4", {0x24100902}}, 33, 0x40000001, 0, 0x80000002},
    {{"v_and_b32_e32 v8, v2, v4", {0x26100902}}, 0xff00ff00, 0x0ff00ff0, 0, 0x0f000f00},
    {{"v_or_b32_e32 v8, v2, v4", {0x28100902}}, 0xff00ff00, 0x0ff00ff0, 0, 0xfff0fff0},
    {{"v_xor_b32_e32 v8, v2, v4", {0x2a100902}}, 0xff00ff00, 0x0ff00ff0, 0, 0xf0f0f0f0},
    {{"v_add_u32_e32 v8, v2, v4", {0x68100902}}, 0xffffffff, 2, 0, 1},
    {{"v_sub_u32_e32 v8, v2, v4", {0x6a100902}}, 1, 2, 0, 0xffffffff},
    {{"v_subrev_u32_e32 v8, v2, v4", {0x6c100902}}, 1, 2, 0, 1},
    {{"v_add_u32_e64 v8, v2, v4 clamp", {0xd1348008, 0x00020902}}, 0xffffffff, 2, 0, 0xffffffff},
    {{"v_sub_u32_e64 v8, v2, v4 clamp", {0xd1358008, 0x00020902}}, 1, 2, 0, 0},
    {{"v_subrev_u32_e64 v8, v2, v4 clamp", {0xd1368008, 0x00020902}}, 2, 1, 0, 0},
    {{"v_add_u16_e32 v8, v2, v4", {0x4c100902}}, 0x1ffff, 0x30002, 0, 1},
    {{"v_add_u16_e64 v8, v2, v4 clamp", {0xd1268008, 0x00020902}}, 0xffff, 2, 0, 0xffff},
    {{"v_sub_u16_e32 v8, v2, v4", {0x4e100902}}, 1, 2, 0, 0xffff},
    {{"v_sub_u16_e64 v8, v2, v4 clamp", {0xd1278008, 0x00020902}}, 1, 2, 0, 0},
    {{"v_subrev_u16_e32 v8, v2, v4", {0x50100902}}, 1, 2, 0, 1},
    {{"v_mul_lo_u16_e32 v8, v2, v4", {0x52100902}}, 0x8001, 0x8001, 0, 1},
    {{"v_lshlrev_b16_e32 v8, v2, v4", {0x54100902}}, 17, 0x8001, 0, 2},
    {{"v_lshrrev_b16_e32 v8, v2, v4", {0x56100902}}, 1, 0x18000, 0, 0x4000},
    {{"v_ashrrev_i16_e32 v8, v2, v4", {0x58100902}}, 1, 0x8000, 0, 0xc000},
    {{"v_max_u16_e32 v8, v2, v4", {0x5e100902}}, 0xffff, 1, 0, 0xffff},
    {{"v_max_i16_e32 v8, v2, v4", {0x60100902}}, 0xffff, 1, 0, 1},
    {{"v_min_u16_e32 v8, v2, v4", {0x62100902}}, 0xffff, 1, 0, 1},
    {{"v_min_i16_e32 v8, v2, v4", {0x64100902}}, 0xffff, 1, 0, 0xffff},
    // VOP3
    {{"v_mad_i32_i24 v8, v2, v4, v6", {0xd1c20008, 0x041a0902}}, 0xffffff, 2, 10, 8},
    {{"v_mad_i32_i24 v8, v2, v4, v6 clamp", {0xd1c28008, 0x041a0902}},
     0x7fffff,
     0x7fffff,
     10,
     0x7fffffff},
    {{"v_mad_u32_u24 v8, v2, v4, v6", {0xd1c30008, 0x041a0902}}, 0xff000003, 5, 1, 16},
    {{"v_mad_u32_u24 v8, v2, v4, v6 clamp", {0xd1c38008, 0x041a0902}},
     0xffffff,
     0xffffff,
     1,
     0xffffffff},
    {{"v_bfe_u32 v8, v2, v4, v6", {0xd1c80008, 0x041a0902}}, 0x12345678, 8, 12, 0x456},
    {{"v_bfe_u32 v8, v2, v4, v6", {0xd1c80008, 0x041a0902}}, 0x12345678, 8, 32, 0},
    {{"v_bfe_i32 v8, v2, v4, v6", {0xd1c90008, 0x041a0902}}, 0x12345f78, 8, 4, 0xffffffff},
    {{"v_bfe_i32 v8, v2, v4, v6", {0xd1c90008, 0x041a0902}}, 0x80000000, 28, 8, 0xfffffff8},
    {{"v_bfi_b32 v8, v2, v4, v6", {0xd1ca0008, 0x041a0902}},
     0x00ff00ff,
     0x12345678,
     0xabcdef01,
     0xab34ef78},
    {{"v_lerp_u8 v8, v2, v4, v6", {0xd1cd0008, 0x041a0902}},
     0x00ff0103,
     0x00ff0204,
     0x01000001,
     0x00ff0104},
    {{"v_alignbit_b32 v8, v2, v4, v6", {0xd1ce0008, 0x041a0902}},
     0x12345678,
     0x9abcdef0,
     12,
     0x6789abcd},
    {{"v_alignbyte_b32 v8, v2, v4, v6", {0xd1cf0008, 0x041a0902}},
     0x12345678,
     0x9abcdef0,
     1,
     0x789abcde},
    {{"v_min3_i32 v8, v2, v4, v6", {0xd1d10008, 0x041a0902}}, 5, 0xffffffff, 3, 0xffffffff},
    {{"v_min3_u32 v8, v2, v4, v6", {0xd1d20008, 0x041a0902}}, 5, 0xffffffff, 3, 3},
    {{"v_max3_i32 v8, v2, v4, v6", {0xd1d40008, 0x041a0902}}, 5, 0xffffffff, 3, 5},
    {{"v_max3_u32 v8, v2, v4, v6", {0xd1d50008, 0x041a0902}}, 5, 0xffffffff, 3, 0xffffffff},
    {{"v_med3_i32 v8, v2, v4, v6", {0xd1d70008, 0x041a0902}}, 5, 0xffffffff, 3, 3},
    {{"v_med3_u32 v8, v2, v4, v6", {0xd1d80008, 0x041a0902}}, 5, 0xffffffff, 3, 5},
    {{"v_sad_u8 v8, v2, v4, v6", {0xd1d90008, 0x041a0902}}, 0x01020304, 0x04030201, 100, 108},
    {{"v_sad_hi_u8 v8, v2, v4, v6", {0xd1da0008, 0x041a0902}},
     0x01020304,
     0x04030201,
     100,
     0x80064},
    {{"v_sad_u16 v8, v2, v4, v6", {0xd1db0008, 0x041a0902}}, 0x00010005, 0x00050001, 1, 9},
    {{"v_sad_u32 v8, v2, v4, v6", {0xd1dc0008, 0x041a0902}}, 3, 10, 1, 8},
    {{"v_msad_u8 v8, v2, v4, v6", {0xd1e40008, 0x041a0902}}, 0x01020304, 0x04000201, 100, 107},
    {{"v_qsad_pk_u16_u8 v[8:9], v[2:3], v4, v[6:7]", {0xd1e50008, 0x041a0902}},
     0x0000000000000001,
     1,
     0x0001000100010001,
     0x0002000200020001},
    {{"v_perm_b32 v8, v2, v4, v6", {0xd1ed0008, 0x041a0902}},
     0x33221100,
     0x77665544,
     0x07040003,
     0x33004477},
    {{"v_perm_b32 v8, v2, v4, v6", {0xd1ed0008, 0x041a0902}},
     0x80000000,
     0x00008000,
     0x0d0c0b08,
     0xff00ffff},
    {{"v_mad_u32_u16 v8, v2, v4, v6", {0xd1f10008, 0x041a0902}}, 0x5ffff, 0x6ffff, 1, 0xfffe0002},
    {{"v_mad_i32_i16 v8, v2, v4, v6", {0xd1f20008, 0x041a0902}}, 0xffff, 3, 1, 0xfffffffe},
    {{"v_xad_u32 v8, v2, v4, v6", {0xd1f30008, 0x041a0902}}, 0xff, 0x0f, 1, 0xf1},
    {{"v_lshl_add_u32 v8, v2, v4, v6", {0xd1fd0008, 0x041a0902}}, 3, 4, 5, 53},
    {{"v_add_lshl_u32 v8, v2, v4, v6", {0xd1fe0008, 0x041a0902}}, 3, 4, 5, 224},
    {{"v_add3_u32 v8, v2, v4, v6", {0xd1ff0008, 0x041a0902}}, 3, 4, 5, 12},
    {{"v_lshl_or_b32 v8, v2, v4, v6", {0xd2000008, 0x041a0902}}, 3, 4, 5, 0x35},
    {{"v_and_or_b32 v8, v2, v4, v6", {0xd2010008, 0x041a0902}}, 0xf3, 0x3f, 0x400, 0x433},
    {{"v_or3_b32 v8, v2, v4, v6", {0xd2020008, 0x041a0902}}, 1, 2, 4, 7},
    {{"v_mul_lo_u32 v8, v2, v4", {0xd2850008, 0x00020902}}, 0x10001, 0x10001, 0, 0x20001},
    {{"v_mul_hi_u32 v8, v2, v4", {0xd2860008, 0x00020902}}, 0xffffffff, 0xffffffff, 0, 0xfffffffe},
    {{"v_mul_hi_i32 v8, v2, v4", {0xd2870008, 0x00020902}}, 0xffffffff, 2, 0, 0xffffffff},
    {{"v_bcnt_u32_b32 v8, v2, v4", {0xd28b0008, 0x00020902}}, 0xf0f0f0f1, 100, 0, 117},
    {{"v_bfm_b32 v8, v2, v4", {0xd2930008, 0x00020902}}, 4, 8, 0, 0xf00},
    {{"v_cvt_pk_u16_u32 v8, v2, v4", {0xd2970008, 0x00020902}}, 0x12345, 0x42, 0, 0x42ffff},
    {{"v_cvt_pk_i16_i32 v8, v2, v4", {0xd2980008, 0x00020902}}, 0xffff0000, 0x12345, 0, 0x7fff8000},
    {{"v_add_i32 v8, v2, v4", {0xd29c0008, 0x00020902}}, 0x7fffffff, 1, 0, 0x80000000},
    {{"v_add_i32 v8, v2, v4 clamp", {0xd29c8008, 0x00020902}}, 0x7fffffff, 1, 0, 0x7fffffff},
    {{"v_sub_i32 v8, v2, v4 clamp", {0xd29d8008, 0x00020902}}, 0x80000000, 1, 0, 0x80000000},
    {{"v_lshlrev_b64 v[8:9], v2, v[4:5]", {0xd28f0008, 0x00020902}},
     36,
     0x10000001,
     0,
     0x0000001000000000},
    {{"v_lshrrev_b64 v[8:9], v2, v[4:5]", {0xd2900008, 0x00020902}},
     4,
     0x8000000000000000,
     0,
     0x0800000000000000},
    {{"v_ashrrev_i64 v[8:9], v2, v[4:5]", {0xd2910008, 0x00020902}},
     4,
     0x8000000000000000,
     0,
     0xf800000000000000},
    {{"v_mad_u64_u32 v[8:9], s[4:5], v2, v4, v[6:7]", {0xd1e80408, 0x041a0902}},
     0xffffffff,
     0xffffffff,
     0x10,
     0xfffffffe00000011},
    {{"v_mad_i64_i32 v[8:9], s[4:5], v2, v4, v[6:7]", {0xd1e90408, 0x041a0902}},
     0xffffffff,
     5,
     3,
     0xfffffffffffffffe},
    // Saturation.
    {{"v_subrev_u32_e64 v8, v2, v4 clamp", {0xd1368008, 0x00020902}}, 1, 3, 0, 2},
    {{"v_sub_i32 v8, v2, v4", {0xd29d0008, 0x00020902}}, 0x80000000, 1, 0, 0x7fffffff},
    {{"v_sub_i32 v8, v2, v4 clamp", {0xd29d8008, 0x00020902}},
     0x7fffffff,
     0xffffffff,
     0,
     0x7fffffff},
    {{"v_add_i32 v8, v2, v4 clamp", {0xd29c8008, 0x00020902}},
     0x80000000,
     0xffffffff,
     0,
     0x80000000},
    {{"v_mad_i32_i24 v8, v2, v4, v6 clamp", {0xd1c28008, 0x041a0902}},
     0x800000,
     0x7fffff,
     0x80000000,
     0x80000000},
    {{"v_sad_u8 v8, v2, v4, v6 clamp", {0xd1d98008, 0x041a0902}},
     0xff00ff00,
     0x00ff00ff,
     0xfffffc03,
     0xffffffff},
    {{"v_sad_u8 v8, v2, v4, v6 clamp", {0xd1d98008, 0x041a0902}},
     0xff00ff00,
     0x00ff00ff,
     0xfffffc04,
     0xffffffff},
    {{"v_sad_u8 v8, v2, v4, v6", {0xd1d90008, 0x041a0902}}, 0xff00ff00, 0x00ff00ff, 0xfffffc04, 0},
    {{"v_sad_hi_u8 v8, v2, v4, v6 clamp", {0xd1da8008, 0x041a0902}},
     0x01020304,
     0x04030201,
     0xfff80000,
     0xffffffff},
    {{"v_sad_hi_u8 v8, v2, v4, v6 clamp", {0xd1da8008, 0x041a0902}},
     0x01020304,
     0x04030201,
     0xfff70000,
     0xffff0000},
    {{"v_sad_u16 v8, v2, v4, v6 clamp", {0xd1db8008, 0x041a0902}},
     0xffff0000,
     0x0000ffff,
     0xfffe0001,
     0xffffffff},
    {{"v_sad_u16 v8, v2, v4, v6 clamp", {0xd1db8008, 0x041a0902}},
     0xffff0000,
     0x0000ffff,
     0xfffe0002,
     0xffffffff},
    {{"v_sad_u16 v8, v2, v4, v6 clamp", {0xd1db8008, 0x041a0902}}, 5, 3, 4, 6},
    {{"v_sad_u32 v8, v2, v4, v6 clamp", {0xd1dc8008, 0x041a0902}},
     0,
     0x80000000,
     0x80000000,
     0xffffffff},
    {{"v_sad_u32 v8, v2, v4, v6 clamp", {0xd1dc8008, 0x041a0902}}, 3, 10, 1, 8},
    {{"v_msad_u8 v8, v2, v4, v6 clamp", {0xd1e48008, 0x041a0902}},
     0x01020304,
     0x04000201,
     0xfffffffb,
     0xffffffff},
    {{"v_msad_u8 v8, v2, v4, v6 clamp", {0xd1e48008, 0x041a0902}},
     0x01020304,
     0x04000201,
     100,
     107},
    {{"v_mad_u32_u16 v8, v2, v4, v6 clamp", {0xd1f18008, 0x041a0902}},
     0xffff,
     0xffff,
     0x20000,
     0xffffffff},
    {{"v_mad_u32_u16 v8, v2, v4, v6 clamp", {0xd1f18008, 0x041a0902}}, 0x1ffff, 2, 3, 0x20001},
    {{"v_mad_i32_i16 v8, v2, v4, v6 clamp", {0xd1f28008, 0x041a0902}},
     0x8000,
     0x8000,
     0x7fffffff,
     0x7fffffff},
    {{"v_mad_i32_i16 v8, v2, v4, v6 clamp", {0xd1f28008, 0x041a0902}},
     0x8000,
     0x7fff,
     0x80000000,
     0x80000000},
    {{"v_mad_i32_i16 v8, v2, v4, v6 clamp", {0xd1f28008, 0x041a0902}}, 0xfffe, 3, 1, 0xfffffffb},
    // Four sums over a window that slides by bytes: a reference byte of 0 masks in MQSAD.
    {{"v_mqsad_pk_u16_u8 v[8:9], v[2:3], v4, v[6:7]", {0xd1e60008, 0x041a0902}},
     0x0706050403020100,
     0x05000003,
     0x1000200030004000,
     0x1001200130034005},
    {{"v_qsad_pk_u16_u8 v[8:9], v[2:3], v4, v[6:7]", {0xd1e50008, 0x041a0902}},
     0x0706050403020100,
     0x05000003,
     0x1000200030004000,
     0x100a200830084008},
};

class ValuInteger : public testing::TestWithParam<ValuCase> {};

TEST_P(ValuInteger, GivesTheExpectedResult) {
    check_valu_case(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Table, ValuInteger, testing::ValuesIn(kValuIntegerCases));

TEST(ValuLanes, CountsLanesBelow) {
    WaveBench bench;
    bench.run({"v_mbcnt_lo_u32_b32 v8, -1, 0", {0xd28c0008, 0x000100c1}});
    bench.run({"v_mbcnt_hi_u32_b32 v8, -1, v8", {0xd28d0008, 0x000210c1}});
    for (unsigned lane = 0; lane < kLanes; lane++) EXPECT_EQ(bench.lane(8, lane), lane);
    bench.wave->set_s64(4, 0xf0000000f);
    bench.run({"v_mbcnt_lo_u32_b32 v8, s4, 0", {0xd28c0008, 0x00010004}});
    bench.run({"v_mbcnt_hi_u32_b32 v8, s5, v8", {0xd28d0008, 0x00021005}});
    EXPECT_EQ(bench.lane(8, 2), 2u);
    EXPECT_EQ(bench.lane(8, 34), 6u);
    EXPECT_EQ(bench.lane(8, 63), 8u);
}

TEST(ValuLanes, MovesSingleLanes) {
    WaveBench bench;
    for (unsigned lane = 0; lane < kLanes; lane++) bench.wave->v[2].lane[lane] = 100 + lane;
    bench.wave->set_exec(0xfffffffffffffff0);
    bench.run({"v_readfirstlane_b32 s4, v2", {0x7e080502}});
    EXPECT_EQ(bench.wave->s[4], 104u);
    bench.run({"v_readlane_b32 s4, v2, 2", {0xd2890004, 0x00010502}});
    EXPECT_EQ(bench.wave->s[4], 102u);
    bench.wave->s[5] = 63;
    bench.run({"v_readlane_b32 s4, v2, s5", {0xd2890004, 0x00000b02}});
    EXPECT_EQ(bench.wave->s[4], 163u);
    bench.run({"v_writelane_b32 v2, s5, 1", {0xd28a0002, 0x00010205}});
    EXPECT_EQ(bench.lane(2, 1), 63u);
    EXPECT_EQ(bench.lane(2, 0), 100u);
    bench.fill(3, 7);
    bench.run({"v_swap_b32 v2, v3", {0x7e04a303}});
    EXPECT_EQ(bench.lane(2, 10), 7u);
    EXPECT_EQ(bench.lane(3, 10), 110u);
    EXPECT_EQ(bench.lane(3, 0), 7u);  // inactive
}

TEST(ValuLanes, CndmaskSelectsByBit) {
    WaveBench bench;
    bench.fill(2, 1);
    bench.fill(4, 2);
    bench.wave->set_s64(code::kVccLo, 0xff00ff00ff00ff00);
    bench.run({"v_cndmask_b32_e32 v8, v2, v4, vcc", {0x00100902}});
    EXPECT_EQ(bench.lane(8, 0), 1u);
    EXPECT_EQ(bench.lane(8, 8), 2u);
    bench.wave->set_s64(10, 1);
    bench.run({"v_cndmask_b32_e64 v8, 0, -v4, s[10:11]", {0xd1000008, 0x402a0880}});
    EXPECT_EQ(bench.lane(8, 0), 0x80000002u);
    EXPECT_EQ(bench.lane(8, 1), 0u);
}

}  // namespace
}  // namespace simgpu::gfx9::test
