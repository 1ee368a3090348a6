// Half precision: every half through the instructions of one operand, many triples through those
// of two and three, and a table for modifiers and conversions.
#include <gtest/gtest.h>

#include <bit>
#include <cstdlib>
#include <iterator>
#include <random>

#include "simgpu/amd/gfx9/wave/half.h"
#include "tests/unit/simgpu/amd/gfx9/alu/half_model.h"
#include "tests/unit/simgpu/amd/gfx9/alu/valu_cases.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// A constant expression has no undefined conversion in it.
static_assert(float_to_half(128.0f) == 0x5800);
static_assert(float_to_half(-65504.0f) == 0xfbff);

const ValuCase kValuHalfCases[] = {
    // Halves: 0x3c00 is 1, 0x4000 2, 0x4200 3, 0x4400 4.
    {{"v_add_f16_e32 v8, v2, v4", {0x3e100902}}, 0x3c00, 0x4000, 0, 0x4200},
    {{"v_add_f16_e64 v8, v2, v4 mul:2", {0xd11f0008, 0x08020902}}, 0x3c00, 0x3c00, 0, 0x4400},
    {{"v_mul_f16_e32 v8, v2, v4", {0x44100902}}, 0x4000, 0x4000, 0, 0x4400},
    {{"v_max_f16_e32 v8, v2, v4", {0x5a100902}}, 0x7e00, 0x4000, 0, 0x4000},
    {{"v_ldexp_f16_e32 v8, v2, v4", {0x66100902}}, 0x3c00, 0xffff, 0, 0x3800},
    {{"v_fma_f16 v8, v2, v4, v6", {0xd2060008, 0x041a0902}},
     0x4000,
     0x3c00,
     0x4000,
     kOldLow16 | 0x4400},
    {{"v_fma_f16 v8, v2, v4, v6 op_sel:[1,0,0,1]", {0xd2064808, 0x041a0902}},
     0x40000000,
     0x3c00,
     0x4000,
     kOldHigh16 | 0x44000000},
    {{"v_mad_legacy_f16 v8, v2, v4, v6", {0xd1ea0008, 0x041a0902}}, 0x4000, 0x3c00, 0x4000, 0x4400},
    {{"v_max3_f16 v8, v2, v4, -v6", {0xd1f70008, 0x841a0902}},
     0x4000,
     0x3c00,
     0xc400,
     kOldLow16 | 0x4400},
    {{"v_rcp_f16_e32 v8, v2", {0x7e107b02}}, 0x4000, 0, 0, 0x3800},
    {{"v_floor_f16_e32 v8, v2", {0x7e108902}}, 0x3e00, 0, 0, 0x3c00},
    {{"v_fract_f16_e32 v8, v2", {0x7e109102}}, 0x3e00, 0, 0, 0x3800},
    {{"v_pack_b32_f16 v8, v2, -v4", {0xd2a00008, 0x40020902}}, 0x3c00, 0x4000, 0, 0xc0003c00},
    {{"v_pack_b32_f16 v8, v2, v4 op_sel:[1,0,0]", {0xd2a00808, 0x00020902}},
     0x12343c00,
     0x4000,
     0,
     0x40001234},
    {{"v_pk_fma_f16 v8, v2, v4, v6", {0xd38e4008, 0x1c1a0902}},
     0x3c004000,
     0x40004000,
     0x3c003c00,
     0x42004500},
    {{"v_pk_add_f16 v8, v2, v4 neg_lo:[0,1]", {0xd38f4008, 0x58020902}},
     0x3c004000,
     0x40003c00,
     0,
     0x42003c00},
    {{"v_pk_mul_f16 v8, v2, v4 neg_hi:[1,0]", {0xd3904108, 0x18020902}},
     0x3c004000,
     0x40003c00,
     0,
     0xc0004000},
    {{"v_pk_mul_f16 v8, v2, 2.0 op_sel_hi:[1,0]", {0xd3904008, 0x0801e902}},
     0x3c004000,
     0,
     0,
     0x40004400},
    {{"v_pk_max_f16 v8, v2, v4", {0xd3924008, 0x18020902}}, 0x3c004000, 0x40003c00, 0, 0x40004000},
    // (1 + 2^-10) * (1 - 2^-11) + 9 * 2^-24 is just above the middle of two halves.
    {{"v_fma_f16 v8, v2, v4, v6", {0xd2060008, 0x041a0902}},
     0x3c01,
     0x3bff,
     0x0009,
     kOldLow16 | 0x3c01},
    {{"v_fma_f16 v8, v2, v4, v6", {0xd2060008, 0x041a0902}},
     0x3c01,
     0x3bff,
     0x0008,
     kOldLow16 | 0x3c00},
    {{"v_fma_legacy_f16 v8, v2, v4, v6", {0xd1ee0008, 0x041a0902}}, 0x3c01, 0x3bff, 0x0009, 0x3c01},
    // Normalised integers.
    {{"v_cvt_pknorm_i16_f16 v8, v2, v4", {0xd2990008, 0x00020902}}, 0x3c00, 0xbc00, 0, 0x80017fff},
    {{"v_cvt_pknorm_i16_f16 v8, v2, v4", {0xd2990008, 0x00020902}}, 0xc400, 0x0000, 0, 0x00008001},
    {{"v_cvt_pknorm_i16_f16 v8, v2, v4", {0xd2990008, 0x00020902}}, 0x7c00, 0x3400, 0, 0x20007fff},
    {{"v_cvt_pknorm_u16_f16 v8, v2, v4", {0xd29a0008, 0x00020902}}, 0x3c00, 0xbc00, 0, 0x0000ffff},
    {{"v_cvt_pknorm_u16_f16 v8, v2, v4", {0xd29a0008, 0x00020902}}, 0x3400, 0x7c00, 0, 0xffff4000},
    // Exponents.
    {{"v_frexp_exp_i16_f16_e32 v8, v2", {0x7e108702}}, 0x4800, 0, 0, 4},
    {{"v_frexp_exp_i16_f16_e32 v8, v2", {0x7e108702}}, 0x0001, 0, 0, 0xffe9},
    {{"v_frexp_exp_i16_f16_e32 v8, v2", {0x7e108702}}, 0x8000, 0, 0, 0},
    {{"v_frexp_exp_i16_f16_e32 v8, v2", {0x7e108702}}, 0xfc00, 0, 0, 0},
    {{"v_frexp_exp_i16_f16_e32 v8, v2", {0x7e108702}}, 0x7e00, 0, 0, 0},
};

class ValuHalf : public testing::TestWithParam<ValuCase> {};

TEST_P(ValuHalf, GivesTheExpectedResult) {
    check_valu_case(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Table, ValuHalf, testing::ValuesIn(kValuHalfCases));

// Neighbours in the order of the numbers differ by one.
int position(uint16_t half) {
    return half & kHalfSign ? -(half & 0x7fff) : half;
}
bool agrees(uint16_t got, uint16_t expected, int ulps) {
    if (half_is_nan(expected)) return half_is_nan(got);
    if (half_is_nan(got)) return false;
    return got == expected || (ulps && std::abs(position(got) - position(expected)) <= ulps);
}

double mantissa(double x) {
    int exponent;
    return std::isfinite(x) ? std::frexp(x, &exponent) : x;
}
// Never 1, though it may round to that (Vega ISA, V_FRACT_F16).
double fraction(double x) {
    const double rest = x - std::floor(x);
    return rest > 0x1.ffcp-1 ? 0x1.ffcp-1 : rest;
}

struct Unary {
    Line line;
    double (*model)(double);
    int ulps;
};

void check_all_halves(const Unary& c, bool (*in_domain)(double) = nullptr) {
    WaveBench bench;
    for (uint32_t first = 0; first < 0x10000; first += kLanes) {
        for (unsigned lane = 0; lane < kLanes; lane++)
            bench.wave->v[2].lane[lane] = 0xbeef0000 | (first + lane);
        bench.run(c.line);
        for (unsigned lane = 0; lane < kLanes; lane++) {
            const auto half = static_cast<uint16_t>(first + lane);
            if (in_domain && !in_domain(half_value(half))) continue;
            const uint32_t got = bench.lane(8, lane);
            const uint16_t expected = nearest_half(c.model(half_value(half)));
            ASSERT_TRUE(got <= 0xffff && agrees(static_cast<uint16_t>(got), expected, c.ulps))
                << c.line.text << std::hex << " of " << half << ": " << got << ", expected "
                << expected;
        }
    }
}

TEST(ValuHalfProperty, OneOperand) {
    const Unary cases[] = {
        {{"v_sqrt_f16_e32 v8, v2", {0x7e107d02}}, [](double x) { return std::sqrt(x); }, 1},
        {{"v_rcp_f16_e32 v8, v2", {0x7e107b02}}, [](double x) { return 1 / x; }, 1},
        {{"v_rsq_f16_e32 v8, v2", {0x7e107f02}}, [](double x) { return 1 / std::sqrt(x); }, 1},
        {{"v_log_f16_e32 v8, v2", {0x7e108102}}, [](double x) { return std::log2(x); }, 1},
        {{"v_exp_f16_e32 v8, v2", {0x7e108302}}, [](double x) { return std::exp2(x); }, 1},
        {{"v_floor_f16_e32 v8, v2", {0x7e108902}}, [](double x) { return std::floor(x); }, 0},
        {{"v_ceil_f16_e32 v8, v2", {0x7e108b02}}, [](double x) { return std::ceil(x); }, 0},
        {{"v_trunc_f16_e32 v8, v2", {0x7e108d02}}, [](double x) { return std::trunc(x); }, 0},
        {{"v_rndne_f16_e32 v8, v2", {0x7e108f02}}, [](double x) { return std::nearbyint(x); }, 0},
        {{"v_frexp_mant_f16_e32 v8, v2", {0x7e108502}}, [](double x) { return mantissa(x); }, 0},
        {{"v_fract_f16_e32 v8, v2", {0x7e109102}}, [](double x) { return fraction(x); }, 0},
    };
    for (const Unary& c : cases) check_all_halves(c);
}

// Sine and cosine take revolutions, up to 256 of them (Vega ISA, V_SIN_F16).
TEST(ValuHalfProperty, SineAndCosine) {
    constexpr double kTurn = 0x1.921fb54442d18p+2;
    const auto in_domain = [](double x) { return std::fabs(x) <= 256; };
    check_all_halves({{"v_sin_f16_e32 v8, v2", {0x7e109302}},
                      [](double x) { return std::sin(std::remainder(x, 1) * kTurn); },
                      1},
                     in_domain);
    check_all_halves({{"v_cos_f16_e32 v8, v2", {0x7e109502}},
                      [](double x) { return std::cos(std::remainder(x, 1) * kTurn); },
                      1},
                     in_domain);
}

// Every half converts to float and back unchanged.
TEST(ValuHalfProperty, ConversionsThereAndBack) {
    WaveBench bench;
    for (uint32_t first = 0; first < 0x10000; first += kLanes) {
        for (unsigned lane = 0; lane < kLanes; lane++) bench.wave->v[2].lane[lane] = first + lane;
        bench.run({"v_cvt_f32_f16_e32 v4, v2", {0x7e081702}});
        bench.run({"v_cvt_f16_f32_e32 v8, v4", {0x7e101504}});
        for (unsigned lane = 0; lane < kLanes; lane++) {
            const auto half = static_cast<uint16_t>(first + lane);
            const auto single = std::bit_cast<float>(bench.lane(4, lane));
            ASSERT_TRUE(half_is_nan(half) ? std::isnan(single) : single == half_value(half));
            ASSERT_TRUE(agrees(static_cast<uint16_t>(bench.lane(8, lane)), half, 0));
        }
    }
}

using Model = uint16_t (*)(uint16_t a, uint16_t b, uint16_t c);

uint16_t twice_rounded(uint16_t a, uint16_t b, uint16_t c) {
    return add_halves(multiply_halves(a, b), c);
}
uint16_t median_half(uint16_t a, uint16_t b, uint16_t c) {
    if (half_is_nan(a) || half_is_nan(b) || half_is_nan(c)) return min_half(min_half(a, b), c);
    if (half_less(b, a)) std::swap(a, b);
    return max_half(a, min_half(b, c));
}

// Noise, and often the numbers where something changes.
class Halves {
  public:
    uint16_t next() {
        static constexpr uint16_t kSpecial[] = {0x0000, 0x0001, 0x0009, 0x03ff, 0x0400,
                                                0x3800, 0x3bff, 0x3c00, 0x3c01, 0x4248,
                                                0x7bff, 0x7c00, 0x7e00};
        const auto noise = static_cast<uint16_t>(random_());
        if (random_() % 2) return noise;
        return kSpecial[random_() % std::size(kSpecial)] ^ (noise & kHalfSign);
    }
    uint32_t next_pair() { return next() | static_cast<uint32_t>(next()) << 16; }

  private:
    std::mt19937 random_{20260};
};

uint16_t half_of(uint32_t dword, unsigned half) {
    return static_cast<uint16_t>(dword >> (16 * half));
}

// Operands in v2, v4, v6, the last one in v8 too.
template <class Check>
void run_on_noise(const Line& line, Check&& check) {
    Halves halves;
    WaveBench bench;
    for (unsigned round = 0; round < 300; round++) {
        uint32_t in[3][kLanes];
        for (unsigned i = 0; i < 3; i++)
            for (unsigned lane = 0; lane < kLanes; lane++)
                bench.wave->v[2 + 2 * i].lane[lane] = in[i][lane] = halves.next_pair();
        bench.wave->v[8] = bench.wave->v[6];
        bench.run(line);
        for (unsigned lane = 0; lane < kLanes; lane++)
            check(bench.lane(8, lane), in[0][lane], in[1][lane], in[2][lane]);
    }
}

TEST(ValuHalfProperty, TwoAndThreeOperands) {
    const struct {
        Line line;
        Model model;
        bool keeps_high;
    } cases[] = {
        {{"v_add_f16_e32 v8, v2, v4", {0x3e100902}},
         [](uint16_t a, uint16_t b, uint16_t) { return add_halves(a, b); },
         false},
        {{"v_sub_f16_e32 v8, v2, v4", {0x40100902}},
         [](uint16_t a, uint16_t b, uint16_t) { return add_halves(a, negate_half(b)); },
         false},
        {{"v_subrev_f16_e32 v8, v2, v4", {0x42100902}},
         [](uint16_t a, uint16_t b, uint16_t) { return add_halves(b, negate_half(a)); },
         false},
        {{"v_mul_f16_e32 v8, v2, v4", {0x44100902}},
         [](uint16_t a, uint16_t b, uint16_t) { return multiply_halves(a, b); },
         false},
        {{"v_min_f16_e32 v8, v2, v4", {0x5c100902}},
         [](uint16_t a, uint16_t b, uint16_t) { return min_half(a, b); },
         false},
        {{"v_max_f16_e32 v8, v2, v4", {0x5a100902}},
         [](uint16_t a, uint16_t b, uint16_t) { return max_half(a, b); },
         false},
        {{"v_mac_f16_e32 v8, v2, v4", {0x46100902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return twice_rounded(a, b, c); },
         false},
        {{"v_madmk_f16 v8, v2, 0x4248, v4", {0x48100902, 0x00004248}},
         [](uint16_t a, uint16_t b, uint16_t) { return twice_rounded(a, 0x4248, b); },
         false},
        {{"v_madak_f16 v8, v2, v4, 0x4248", {0x4a100902, 0x00004248}},
         [](uint16_t a, uint16_t b, uint16_t) { return twice_rounded(a, b, 0x4248); },
         false},
        {{"v_mad_legacy_f16 v8, v2, v4, v6", {0xd1ea0008, 0x041a0902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return twice_rounded(a, b, c); },
         false},
        {{"v_mad_f16 v8, v2, v4, v6", {0xd2030008, 0x041a0902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return twice_rounded(a, b, c); },
         true},
        {{"v_fma_legacy_f16 v8, v2, v4, v6", {0xd1ee0008, 0x041a0902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return fused_half(a, b, c); },
         false},
        {{"v_fma_f16 v8, v2, v4, v6", {0xd2060008, 0x041a0902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return fused_half(a, b, c); },
         true},
        {{"v_min3_f16 v8, v2, v4, v6", {0xd1f40008, 0x041a0902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return min_half(min_half(a, b), c); },
         true},
        {{"v_max3_f16 v8, v2, v4, v6", {0xd1f70008, 0x041a0902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return max_half(max_half(a, b), c); },
         true},
        {{"v_med3_f16 v8, v2, v4, v6", {0xd1fa0008, 0x041a0902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return median_half(a, b, c); },
         true},
    };
    for (const auto& c : cases)
        run_on_noise(c.line, [&](uint32_t got, uint32_t x, uint32_t y, uint32_t z) {
            const uint16_t expected = c.model(half_of(x, 0), half_of(y, 0), half_of(z, 0));
            ASSERT_TRUE(agrees(half_of(got, 0), expected, 0))
                << c.line.text << std::hex << " of " << half_of(x, 0) << ", " << half_of(y, 0)
                << ", " << half_of(z, 0) << ": " << half_of(got, 0) << ", expected " << expected;
            ASSERT_EQ(half_of(got, 1), c.keeps_high ? half_of(z, 1) : 0) << c.line.text;
        });
}

TEST(ValuHalfProperty, Packed) {
    const struct {
        Line line;
        Model model;
    } cases[] = {
        {{"v_pk_fma_f16 v8, v2, v4, v6", {0xd38e4008, 0x1c1a0902}},
         [](uint16_t a, uint16_t b, uint16_t c) { return fused_half(a, b, c); }},
        {{"v_pk_add_f16 v8, v2, v4", {0xd38f4008, 0x18020902}},
         [](uint16_t a, uint16_t b, uint16_t) { return add_halves(a, b); }},
        {{"v_pk_mul_f16 v8, v2, v4", {0xd3904008, 0x18020902}},
         [](uint16_t a, uint16_t b, uint16_t) { return multiply_halves(a, b); }},
        {{"v_pk_min_f16 v8, v2, v4", {0xd3914008, 0x18020902}},
         [](uint16_t a, uint16_t b, uint16_t) { return min_half(a, b); }},
        {{"v_pk_max_f16 v8, v2, v4", {0xd3924008, 0x18020902}},
         [](uint16_t a, uint16_t b, uint16_t) { return max_half(a, b); }},
    };
    for (const auto& c : cases)
        run_on_noise(c.line, [&](uint32_t got, uint32_t x, uint32_t y, uint32_t z) {
            for (const unsigned half : {0u, 1u}) {
                const uint16_t expected =
                    c.model(half_of(x, half), half_of(y, half), half_of(z, half));
                ASSERT_TRUE(agrees(half_of(got, half), expected, 0))
                    << c.line.text << std::hex << " of " << x << ", " << y << ", " << z << ": "
                    << got;
            }
        });
}

}  // namespace
}  // namespace simgpu::gfx9::test
