// Floating-point vector instructions: tables for the exact ones, properties against the host's
// arithmetic for the rest.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <random>

#include "tests/unit/simgpu/amd/gfx9/alu/valu_cases.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

constexpr double kInf64 = std::numeric_limits<double>::infinity();

const ValuCase kValuFloatCases[] = {
    {{"v_add_f32_e32 v8, v2, v4", {0x02100902}}, f32(1.5f), f32(2.25f), 0, f32(3.75f)},
    {{"v_sub_f32_e32 v8, v2, v4", {0x04100902}}, f32(1.5f), f32(2.25f), 0, f32(-0.75f)},
    {{"v_subrev_f32_e32 v8, v2, v4", {0x06100902}}, f32(1.5f), f32(2.25f), 0, f32(0.75f)},
    {{"v_mul_f32_e32 v8, v2, v4", {0x0a100902}}, f32(1.5f), f32(-2), 0, f32(-3)},
    {{"v_mul_legacy_f32_e32 v8, v2, v4", {0x08100902}}, f32(0), f32(kInf), 0, f32(0)},
    {{"v_min_f32_e32 v8, v2, v4", {0x14100902}}, f32(kNan), f32(2), 0, f32(2)},
    {{"v_min_f32_e32 v8, v2, v4", {0x14100902}}, f32(2), f32(kNan), 0, f32(2)},
    {{"v_max_f32_e32 v8, v2, v4", {0x16100902}}, f32(-1), f32(-2), 0, f32(-1)},
    {{"v_mac_f32_e32 v8, v2, v4", {0x2c100902}}, f32(0), f32(0), 0, 0xdeadbeef},
    {{"v_madmk_f32 v8, v2, 0x40400000, v4", {0x2e100902, 0x40400000}}, f32(2), f32(1), 0, f32(7)},
    {{"v_madak_f32 v8, v2, v4, 0x40400000", {0x30100902, 0x40400000}}, f32(2), f32(5), 0, f32(13)},
    {{"v_mad_legacy_f32 v8, v2, v4, v6", {0xd1c00008, 0x041a0902}},
     f32(2),
     f32(5),
     f32(1),
     f32(11)},
    {{"v_mad_legacy_f32 v8, v2, v4, v6", {0xd1c00008, 0x041a0902}},
     f32(-0.0f),
     f32(kNan),
     f32(1),
     f32(1)},
    {{"v_mad_legacy_f32 v8, v2, v4, v6", {0xd1c00008, 0x041a0902}},
     f32(kInf),
     f32(0),
     f32(-3),
     f32(-3)},
    {{"v_mad_f32 v8, v2, v4, v6", {0xd1c10008, 0x041a0902}}, f32(2), f32(5), f32(1), f32(11)},
    {{"v_mad_f32 v8, -v2, |v4|, -|v6|", {0xd1c10608, 0xa41a0902}},
     f32(2),
     f32(-5),
     f32(-1),
     f32(-11)},
    {{"v_fma_f32 v8, v2, v4, v6", {0xd1cb0008, 0x041a0902}},
     f32(0x1.000002p0f),
     f32(0x1.000002p0f),
     f32(-1),
     f32(0x1.000001p-22f)},
    // OMOD and CLAMP.
    {{"v_add_f32_e64 v8, v2, v4 mul:2", {0xd1010008, 0x08020902}}, f32(1), f32(2), 0, f32(6)},
    {{"v_add_f32_e64 v8, v2, v4 mul:4", {0xd1010008, 0x10020902}}, f32(1), f32(2), 0, f32(12)},
    {{"v_add_f32_e64 v8, v2, v4 div:2", {0xd1010008, 0x18020902}}, f32(1), f32(2), 0, f32(1.5f)},
    {{"v_add_f32_e64 v8, v2, v4 clamp", {0xd1018008, 0x00020902}}, f32(1), f32(2), 0, f32(1)},
    {{"v_add_f32_e64 v8, v2, v4 clamp", {0xd1018008, 0x00020902}}, f32(-1), f32(-2), 0, f32(0)},
    {{"v_add_f32_e64 v8, v2, v4 clamp", {0xd1018008, 0x00020902}}, f32(kNan), f32(-2), 0, f32(0)},
    {{"v_add_f32_e64 v8, |v2|, -v4", {0xd1010108, 0x40020902}}, f32(-1), f32(2), 0, f32(-1)},
    // Rounding to integers.
    {{"v_trunc_f32_e32 v8, v2", {0x7e103902}}, f32(-1.75f), 0, 0, f32(-1)},
    {{"v_trunc_f32_e32 v8, v2", {0x7e103902}}, f32(-0.5f), 0, 0, f32(-0.0f)},
    {{"v_trunc_f32_e32 v8, v2", {0x7e103902}}, f32(1e30f), 0, 0, f32(1e30f)},
    {{"v_ceil_f32_e32 v8, v2", {0x7e103b02}}, f32(1.25f), 0, 0, f32(2)},
    {{"v_ceil_f32_e32 v8, v2", {0x7e103b02}}, f32(-0.25f), 0, 0, f32(-0.0f)},
    {{"v_floor_f32_e32 v8, v2", {0x7e103f02}}, f32(-1.25f), 0, 0, f32(-2)},
    {{"v_rndne_f32_e32 v8, v2", {0x7e103d02}}, f32(2.5f), 0, 0, f32(2)},
    {{"v_rndne_f32_e32 v8, v2", {0x7e103d02}}, f32(3.5f), 0, 0, f32(4)},
    {{"v_fract_f32_e32 v8, v2", {0x7e103702}}, f32(-1.25f), 0, 0, f32(0.75f)},
    {{"v_fract_f32_e32 v8, v2", {0x7e103702}}, f32(-1e-10f), 0, 0, 0x3f7fffff},
    {{"v_floor_f64_e32 v[8:9], v[2:3]", {0x7e103502}}, f64(-1.25), 0, 0, f64(-2)},
    {{"v_ceil_f64_e32 v[8:9], v[2:3]", {0x7e103102}}, f64(1.25), 0, 0, f64(2)},
    {{"v_trunc_f64_e32 v[8:9], v[2:3]", {0x7e102f02}}, f64(-1.75), 0, 0, f64(-1)},
    {{"v_rndne_f64_e32 v[8:9], v[2:3]", {0x7e103302}}, f64(2.5), 0, 0, f64(2)},
    {{"v_fract_f64_e32 v[8:9], v[2:3]", {0x7e106502}}, f64(2.5), 0, 0, f64(0.5)},
    // Conversions.
    {{"v_cvt_f32_i32_e32 v8, v2", {0x7e100b02}}, 0xffffffff, 0, 0, f32(-1)},
    {{"v_cvt_f32_u32_e32 v8, v2", {0x7e100d02}}, 0xffffffff, 0, 0, f32(0x1p32f)},
    {{"v_cvt_f32_u32_e32 v8, v2", {0x7e100d02}}, 0x01000001, 0, 0, f32(0x1p24f)},
    {{"v_cvt_u32_f32_e32 v8, v2", {0x7e100f02}}, f32(-1), 0, 0, 0},
    {{"v_cvt_u32_f32_e32 v8, v2", {0x7e100f02}}, f32(5e9f), 0, 0, 0xffffffff},
    {{"v_cvt_u32_f32_e32 v8, v2", {0x7e100f02}}, f32(3e9f), 0, 0, 3000000000},
    {{"v_cvt_u32_f32_e32 v8, v2", {0x7e100f02}}, f32(kNan), 0, 0, 0},
    {{"v_cvt_i32_f32_e32 v8, v2", {0x7e101102}}, f32(-1.75f), 0, 0, 0xffffffff},
    {{"v_cvt_i32_f32_e32 v8, v2", {0x7e101102}}, f32(3e9f), 0, 0, 0x7fffffff},
    {{"v_cvt_i32_f32_e32 v8, v2", {0x7e101102}}, f32(-kInf), 0, 0, 0x80000000},
    {{"v_cvt_rpi_i32_f32_e32 v8, v2", {0x7e101902}}, f32(2.5f), 0, 0, 3},
    {{"v_cvt_flr_i32_f32_e32 v8, v2", {0x7e101b02}}, f32(-2.5f), 0, 0, 0xfffffffd},
    {{"v_cvt_off_f32_i4_e32 v8, v2", {0x7e101d02}}, 0x8, 0, 0, f32(-0.5f)},
    {{"v_cvt_off_f32_i4_e32 v8, v2", {0x7e101d02}}, 0x7, 0, 0, f32(0.4375f)},
    {{"v_cvt_f32_ubyte0_e32 v8, v2", {0x7e102302}}, 0x04030201, 0, 0, f32(1)},
    {{"v_cvt_f32_ubyte1_e32 v8, v2", {0x7e102502}}, 0x04030201, 0, 0, f32(2)},
    {{"v_cvt_f32_ubyte2_e32 v8, v2", {0x7e102702}}, 0x04030201, 0, 0, f32(3)},
    {{"v_cvt_f32_ubyte3_e32 v8, v2", {0x7e102902}}, 0xff030201, 0, 0, f32(255)},
    {{"v_cvt_f64_i32_e32 v[8:9], v2", {0x7e100902}}, 0xfffffffe, 0, 0, f64(-2)},
    {{"v_cvt_f64_u32_e32 v[8:9], v2", {0x7e102d02}}, 0xfffffffe, 0, 0, f64(4294967294.0)},
    {{"v_cvt_f64_f32_e32 v[8:9], v2", {0x7e102102}}, f32(1.1f), 0, 0, f64(1.1f)},
    {{"v_cvt_f32_f64_e32 v8, v[2:3]", {0x7e101f02}}, f64(1.1), 0, 0, f32(1.1f)},
    {{"v_cvt_i32_f64_e32 v8, v[2:3]", {0x7e100702}}, f64(-1e10), 0, 0, 0x80000000},
    {{"v_cvt_u32_f64_e32 v8, v[2:3]", {0x7e102b02}}, f64(4e9), 0, 0, 4000000000},
    {{"v_cvt_f16_f32_e32 v8, v2", {0x7e101502}}, f32(1.0f), 0, 0, 0x3c00},
    {{"v_cvt_f16_f32_e32 v8, v2", {0x7e101502}}, f32(65519.0f), 0, 0, 0x7bff},
    {{"v_cvt_f16_f32_e32 v8, v2", {0x7e101502}}, f32(65520.0f), 0, 0, 0x7c00},
    {{"v_cvt_f16_f32_e32 v8, v2", {0x7e101502}}, f32(-0x1p-24f), 0, 0, 0x8001},
    {{"v_cvt_f16_f32_e32 v8, v2", {0x7e101502}}, f32(0x1p-25f), 0, 0, 0x0000},
    {{"v_cvt_f16_f32_e32 v8, v2", {0x7e101502}}, f32(0x1.8p-25f), 0, 0, 0x0001},
    {{"v_cvt_f16_f32_e32 v8, v2", {0x7e101502}}, f32(-kInf), 0, 0, 0xfc00},
    {{"v_cvt_f32_f16_e32 v8, v2", {0x7e101702}}, 0x0001, 0, 0, f32(0x1p-24f)},
    {{"v_cvt_f32_f16_e32 v8, v2", {0x7e101702}}, 0xfc00, 0, 0, f32(-kInf)},
    {{"v_cvt_f16_i16_e32 v8, v2", {0x7e107502}}, 0xffff, 0, 0, 0xbc00},
    {{"v_cvt_f16_u16_e32 v8, v2", {0x7e107302}}, 0xffff, 0, 0, 0x7c00},
    {{"v_cvt_i16_f16_e32 v8, v2", {0x7e107902}}, 0xbe00, 0, 0, 0xffff},
    {{"v_cvt_u16_f16_e32 v8, v2", {0x7e107702}}, 0x7bff, 0, 0, 65504},
    {{"v_cvt_norm_i16_f16_e32 v8, v2", {0x7e109b02}}, 0xbc00, 0, 0, 0x8001},
    {{"v_cvt_norm_u16_f16_e32 v8, v2", {0x7e109d02}}, 0x3c00, 0, 0, 0xffff},
    {{"v_cvt_pkrtz_f16_f32 v8, v2, v4", {0xd2960008, 0x00020902}},
     f32(1.0f + 0x1.8p-11f),
     f32(70000),
     0,
     0x7bff3c00},
    {{"v_cvt_pkrtz_f16_f32 v8, v2, v4", {0xd2960008, 0x00020902}},
     f32(0x1.8p-24f),
     f32(-kInf),
     0,
     0xfc000001},
    {{"v_cvt_pknorm_i16_f32 v8, v2, v4", {0xd2940008, 0x00020902}}, f32(1), f32(-2), 0, 0x80017fff},
    {{"v_cvt_pknorm_u16_f32 v8, v2, v4", {0xd2950008, 0x00020902}},
     f32(0.5f),
     f32(-2),
     0,
     0x00008000},
    {{"v_cvt_pk_u8_f32 v8, v2, v4, v6", {0xd1dd0008, 0x041a0902}},
     f32(300),
     2,
     0x11223344,
     0x11ff3344},
    // Pieces of floats.
    {{"v_frexp_exp_i32_f32_e32 v8, v2", {0x7e106702}}, f32(8), 0, 0, 4},
    {{"v_frexp_mant_f32_e32 v8, v2", {0x7e106902}}, f32(-6), 0, 0, f32(-0.75f)},
    {{"v_frexp_exp_i32_f32_e32 v8, v2", {0x7e106702}}, f32(kInf), 0, 0, 0},
    {{"v_frexp_exp_i32_f64_e32 v8, v[2:3]", {0x7e106102}}, f64(0.25), 0, 0, 0xffffffff},
    {{"v_frexp_mant_f64_e32 v[8:9], v[2:3]", {0x7e106302}}, f64(3), 0, 0, f64(0.75)},
    {{"v_ldexp_f32 v8, v2, v4", {0xd2880008, 0x00020902}}, f32(3), 4, 0, f32(48)},
    {{"v_ldexp_f32 v8, v2, v4", {0xd2880008, 0x00020902}}, f32(3), 0x7fffffff, 0, f32(kInf)},
    {{"v_ldexp_f64 v[8:9], v[2:3], v4", {0xd2840008, 0x00020902}}, f64(3), 0xffffffff, 0, f64(1.5)},
    // Exact results of the functions.
    {{"v_exp_f32_e32 v8, v2", {0x7e104102}}, f32(10), 0, 0, f32(1024)},
    {{"v_log_f32_e32 v8, v2", {0x7e104302}}, f32(1024), 0, 0, f32(10)},
    {{"v_log_f32_e32 v8, v2", {0x7e104302}}, f32(0), 0, 0, f32(-kInf)},
    {{"v_exp_legacy_f32_e32 v8, v2", {0x7e109702}}, f32(-3), 0, 0, f32(0.125f)},
    {{"v_log_legacy_f32_e32 v8, v2", {0x7e109902}}, f32(0.125f), 0, 0, f32(-3)},
    {{"v_rcp_f32_e32 v8, v2", {0x7e104502}}, f32(4), 0, 0, f32(0.25f)},
    {{"v_rcp_iflag_f32_e32 v8, v2", {0x7e104702}}, f32(0), 0, 0, f32(kInf)},
    {{"v_rsq_f32_e32 v8, v2", {0x7e104902}}, f32(4), 0, 0, f32(0.5f)},
    {{"v_sqrt_f32_e32 v8, v2", {0x7e104f02}}, f32(4), 0, 0, f32(2)},
    {{"v_sin_f32_e32 v8, v2", {0x7e105302}}, f32(0.25f), 0, 0, f32(1)},
    {{"v_cos_f32_e32 v8, v2", {0x7e105502}}, f32(1.5f), 0, 0, f32(-1)},
    {{"v_rcp_f64_e32 v[8:9], v[2:3]", {0x7e104b02}}, f64(8), 0, 0, f64(0.125)},
    {{"v_rsq_f64_e32 v[8:9], v[2:3]", {0x7e104d02}}, f64(16), 0, 0, f64(0.25)},
    {{"v_sqrt_f64_e32 v[8:9], v[2:3]", {0x7e105102}}, f64(16), 0, 0, f64(4)},
    // Three operands.
    {{"v_min3_f32 v8, v2, v4, v6", {0xd1d00008, 0x041a0902}}, f32(3), f32(kNan), f32(2), f32(2)},
    {{"v_max3_f32 v8, v2, v4, v6", {0xd1d30008, 0x041a0902}}, f32(3), f32(1), f32(2), f32(3)},
    {{"v_med3_f32 v8, v2, v4, v6", {0xd1d60008, 0x041a0902}}, f32(3), f32(1), f32(2), f32(2)},
    {{"v_med3_f32 v8, v2, 0, 1.0", {0xd1d60008, 0x03c90102}}, f32(kNan), 0, 0, f32(0)},
    {{"v_cubeid_f32 v8, v2, v4, v6", {0xd1c40008, 0x041a0902}}, f32(1), f32(-2), f32(1.5f), f32(3)},
    {{"v_cubesc_f32 v8, v2, v4, v6", {0xd1c50008, 0x041a0902}},
     f32(-3),
     f32(2),
     f32(1.5f),
     f32(1.5f)},
    {{"v_cubetc_f32 v8, v2, v4, v6", {0xd1c60008, 0x041a0902}}, f32(1), f32(2), f32(-3), f32(-2)},
    {{"v_cubema_f32 v8, v2, v4, v6", {0xd1c70008, 0x041a0902}}, f32(1), f32(2), f32(-3), f32(-6)},
    // Doubles.
    {{"v_add_f64 v[8:9], v[2:3], v[4:5]", {0xd2800008, 0x00020902}},
     f64(1.1),
     f64(2.2),
     0,
     f64(1.1 + 2.2)},
    {{"v_mul_f64 v[8:9], -v[2:3], |v[4:5]|", {0xd2810208, 0x20020902}},
     f64(1.5),
     f64(-2.5),
     0,
     f64(-3.75)},
    {{"v_fma_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1cc0008, 0x041a0902}},
     f64(2),
     f64(3),
     f64(4),
     f64(10)},
    {{"v_min_f64 v[8:9], v[2:3], v[4:5]", {0xd2820008, 0x00020902}}, f64(2), f64(3), 0, f64(2)},
    {{"v_max_f64 v[8:9], v[2:3], v[4:5]", {0xd2830008, 0x00020902}},
     f64(2),
     f64(kInf64),
     0,
     f64(kInf64)},
    {{"v_add_f64 v[8:9], v[2:3], v[4:5] clamp", {0xd2808008, 0x00020902}},
     f64(2),
     f64(3),
     0,
     f64(1)},
    // Mixed precision.
    {{"v_mad_mix_f32 v8, v2, v4, v6", {0xd3a00008, 0x041a0902}}, f32(2), f32(3), f32(4), f32(10)},
    {{"v_mad_mix_f32 v8, v2, v4, v6 op_sel:[1,0,0] op_sel_hi:[1,0,0]", {0xd3a00808, 0x0c1a0902}},
     0x40000000,
     f32(3),
     f32(4),
     f32(10)},
    {{"v_mad_mixlo_f16 v8, v2, v4, v6", {0xd3a10008, 0x041a0902}},
     f32(2),
     f32(1),
     f32(2),
     kOldLow16 | 0x4400},
    {{"v_mad_mixhi_f16 v8, v2, v4, v6", {0xd3a20008, 0x041a0902}},
     f32(2),
     f32(1),
     f32(2),
     kOldHigh16 | 0x44000000},
};

class ValuFloat : public testing::TestWithParam<ValuCase> {};

TEST_P(ValuFloat, GivesTheExpectedResult) {
    check_valu_case(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Table, ValuFloat, testing::ValuesIn(kValuFloatCases));

// Random bit patterns, with the special values often.
class Patterns {
  public:
    float next() {
        static constexpr float kSpecial[] = {0.0f,       -0.0f,           1.0f, -1.0f,
                                             kInf,       -kInf,           kNan, 0x1p-149f,
                                             -0x1p-126f, 0x1.fffffep127f, 0.5f};
        if (random_() % 4 == 0) return kSpecial[random_() % std::size(kSpecial)];
        return std::bit_cast<float>(static_cast<uint32_t>(random_()));
    }

  private:
    std::mt19937 random_{12345};
};

struct Property {
    Line line;
    std::function<float(float, float, float)> model;
};

bool same(float a, float b) {
    return (std::isnan(a) && std::isnan(b)) ||
           std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}

TEST(ValuFloatProperty, AgreesWithTheHost) {
    const Property properties[] = {
        {{"v_add_f32_e32 v8, v2, v4", {0x02100902}}, [](float a, float b, float) { return a + b; }},
        {{"v_mul_f32_e32 v8, v2, v4", {0x0a100902}}, [](float a, float b, float) { return a * b; }},
        {{"v_fma_f32 v8, v2, v4, v6", {0xd1cb0008, 0x041a0902}},
         [](float a, float b, float c) { return std::fma(a, b, c); }},
        {{"v_floor_f32_e32 v8, v2", {0x7e103f02}},
         [](float a, float, float) { return std::floor(a); }},
        {{"v_ceil_f32_e32 v8, v2", {0x7e103b02}},
         [](float a, float, float) { return std::ceil(a); }},
        {{"v_trunc_f32_e32 v8, v2", {0x7e103902}},
         [](float a, float, float) { return std::trunc(a); }},
        {{"v_sqrt_f32_e32 v8, v2", {0x7e104f02}},
         [](float a, float, float) { return std::sqrt(a); }},
        {{"v_rcp_f32_e32 v8, v2", {0x7e104502}}, [](float a, float, float) { return 1.0f / a; }},
    };
    Patterns patterns;
    for (const Property& property : properties) {
        WaveBench bench;
        for (unsigned round = 0; round < 50; round++) {
            for (unsigned vgpr : {2u, 4u, 6u})
                for (unsigned lane = 0; lane < kLanes; lane++)
                    bench.wave->v[vgpr].lane[lane] = std::bit_cast<uint32_t>(patterns.next());
            bench.run(property.line);
            for (unsigned lane = 0; lane < kLanes; lane++) {
                const auto a = std::bit_cast<float>(bench.lane(2, lane));
                const auto b = std::bit_cast<float>(bench.lane(4, lane));
                const auto c = std::bit_cast<float>(bench.lane(6, lane));
                const auto got = std::bit_cast<float>(bench.lane(8, lane));
                ASSERT_TRUE(same(got, property.model(a, b, c)))
                    << property.line.text << " of " << a << ", " << b << ", " << c << " gave "
                    << got;
            }
        }
    }
}

// MODE.FP_DENORM and FP_ROUND.
TEST(ValuMode, DenormalsFollowTheMode) {
    WaveBench bench;
    bench.fill(2, 0x00000001);
    bench.fill(4, std::bit_cast<uint32_t>(1.0f));
    bench.run({"v_mul_f32_e32 v8, v2, v4", {0x0a100902}});
    EXPECT_EQ(bench.lane(8, 0), 1u);
    bench.run({"v_mad_f32 v8, v2, v4, 0", {0xd1c10008, 0x02020902}});  // never keeps them
    EXPECT_EQ(bench.lane(8, 0), 0u);
    bench.run({"s_setreg_imm32_b32 hwreg(HW_REG_MODE, 4, 2), 0", {0xba000901, 0x00000000}});
    bench.run({"v_mul_f32_e32 v8, v2, v4", {0x0a100902}});
    EXPECT_EQ(bench.lane(8, 0), 0u);
    bench.run({"v_max_f32_e32 v8, v2, v2", {0x16100502}});
    EXPECT_EQ(bench.lane(8, 0), 0u);
    // Halves and doubles have their own setting.
    bench.run({"v_add_f16_e32 v8, v2, v2", {0x3e100502}});
    EXPECT_EQ(bench.lane(8, 0), 2u);
}

TEST(ValuMode, RoundingFollowsTheMode) {
    WaveBench bench;
    bench.fill(2, std::bit_cast<uint32_t>(1.0f));
    bench.fill(4, std::bit_cast<uint32_t>(0x1p-30f));
    const uint32_t one = std::bit_cast<uint32_t>(1.0f);
    bench.run({"s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 4), 0x5",
               {0xba001801, 0x00000005}});  // towards +infinity
    bench.run({"v_add_f32_e32 v8, v2, v4", {0x02100902}});
    EXPECT_EQ(bench.lane(8, 0), one + 1);
    bench.fill(6, std::bit_cast<uint32_t>(1.0f + 0x1p-20f));
    bench.run({"v_cvt_f16_f32_e32 v8, v6", {0x7e101506}});
    EXPECT_EQ(bench.lane(8, 0), 0x3c01u);
    bench.fill(6, std::bit_cast<uint32_t>(-70000.0f));
    bench.run({"v_cvt_f16_f32_e32 v8, v6", {0x7e101506}});
    EXPECT_EQ(bench.lane(8, 0), 0xfbffu);
    bench.run({"s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 4), 0xf",
               {0xba001801, 0x0000000f}});  // towards zero
    bench.run({"v_sub_f32_e32 v8, v2, v4", {0x04100902}});
    EXPECT_EQ(bench.lane(8, 0), one - 1);
    bench.run({"v_rndne_f32_e32 v8, v2", {0x7e103d02}});
    EXPECT_EQ(bench.lane(8, 0), one);
    bench.run({"s_getreg_b32 s4, hwreg(HW_REG_MODE, 0, 8)", {0xb8843801}});
    EXPECT_EQ(bench.wave->s[4], 0xffu);
}

}  // namespace
}  // namespace simgpu::gfx9::test
