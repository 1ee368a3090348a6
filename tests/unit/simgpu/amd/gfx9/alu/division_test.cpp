// V_DIV_SCALE, V_DIV_FMAS, V_DIV_FIXUP: each by its rules (Vega ISA), and together as compilers
// use them, where they must give the quotient that the host computes.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>
#include <limits>
#include <ostream>
#include <random>

#include "tests/unit/simgpu/amd/gfx9/alu/valu_cases.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

constexpr uint64_t kAllLanes = ~uint64_t{0};

// Quotient, denominator and numerator in v[2:3], v[4:5], v[6:7].
const ValuCase kFixups[] = {
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}}, f32(5), f32(2), f32(10), f32(5)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(5),
     f32(-2),
     f32(10),
     f32(-5)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(-5),
     f32(-2),
     f32(-10),
     f32(5)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(5),
     f32(2),
     0x7fa00001,
     0x7fe00001},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(5),
     0xffa00001,
     f32(2),
     0xffe00001},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(5),
     0x7fc00001,
     0x7fc00002,
     0x7fc00002},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(5),
     f32(0),
     f32(-0.0f),
     0xffc00000},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(5),
     f32(-kInf),
     f32(kInf),
     0xffc00000},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(kNan),
     f32(0),
     f32(3),
     f32(kInf)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(kNan),
     f32(-0.0f),
     f32(3),
     f32(-kInf)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(kNan),
     f32(-2),
     f32(kInf),
     f32(-kInf)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(kNan),
     f32(kInf),
     f32(-3),
     f32(-0.0f)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(kNan),
     f32(3),
     f32(0),
     f32(0)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(5),
     f32(0x1p100f),
     f32(-0x1p-51f),
     f32(-0.0f)},
    {{"v_div_fixup_f32 v8, v2, v4, v6", {0xd1de0008, 0x041a0902}},
     f32(5),
     f32(0x1p100f),
     f32(-0x1p-50f),
     f32(-5)},
    {{"v_div_fixup_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1df0008, 0x041a0902}},
     f64(5),
     f64(-2),
     f64(10),
     f64(-5)},
    {{"v_div_fixup_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1df0008, 0x041a0902}},
     f64(5),
     f64(2),
     0x7ff4000000000001,
     0x7ffc000000000001},
    {{"v_div_fixup_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1df0008, 0x041a0902}},
     f64(5),
     f64(0),
     f64(0),
     0xfff8000000000000},
    {{"v_div_fixup_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1df0008, 0x041a0902}},
     f64(5),
     f64(kInf),
     f64(kInf),
     0xfff8000000000000},
    {{"v_div_fixup_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1df0008, 0x041a0902}},
     f64(kNan),
     f64(-0.0),
     f64(3),
     f64(-kInf)},
    {{"v_div_fixup_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1df0008, 0x041a0902}},
     f64(kNan),
     f64(kInf),
     f64(3),
     f64(0)},
    {{"v_div_fixup_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1df0008, 0x041a0902}},
     f64(5),
     f64(0x1p1000),
     f64(-0x1p-76),
     f64(-0.0)},
    {{"v_div_fixup_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1df0008, 0x041a0902}},
     f64(5),
     f64(0x1p1000),
     f64(-0x1p-75),
     f64(-5)},
    // Halves: 0x4500 is 5, 0x4000 is 2, 0x4900 is 10.
    {{"v_div_fixup_f16 v8, v2, v4, v6", {0xd2070008, 0x041a0902}},
     0x4500,
     0xc000,
     0x4900,
     kOldLow16 | 0xc500},
    {{"v_div_fixup_f16 v8, v2, v4, v6", {0xd2070008, 0x041a0902}},
     0x4500,
     0x0000,
     0x8000,
     kOldLow16 | 0xfe00},
    {{"v_div_fixup_f16 v8, v2, v4, v6", {0xd2070008, 0x041a0902}},
     0x4500,
     0xfc00,
     0x7c00,
     kOldLow16 | 0xfe00},
    {{"v_div_fixup_f16 v8, v2, v4, v6", {0xd2070008, 0x041a0902}},
     0x7e00,
     0x8000,
     0x4900,
     kOldLow16 | 0xfc00},
    {{"v_div_fixup_f16 v8, v2, v4, v6", {0xd2070008, 0x041a0902}},
     0x7e00,
     0x4000,
     0xfc00,
     kOldLow16 | 0xfc00},
    {{"v_div_fixup_f16 v8, v2, v4, v6", {0xd2070008, 0x041a0902}},
     0x7e00,
     0x7c00,
     0xc900,
     kOldLow16 | 0x8000},
    {{"v_div_fixup_f16 v8, v2, v4, v6", {0xd2070008, 0x041a0902}},
     0x7e00,
     0xc000,
     0x0000,
     kOldLow16 | 0x8000},
    {{"v_div_fixup_legacy_f16 v8, v2, v4, v6", {0xd1ef0008, 0x041a0902}},
     0x4500,
     0xc000,
     0x4900,
     0xc500},
    {{"v_div_fixup_legacy_f16 v8, v2, v4, v6", {0xd1ef0008, 0x041a0902}},
     0x7e00,
     0x8000,
     0x4900,
     0xfc00},
};

class DivFixup : public testing::TestWithParam<ValuCase> {};

TEST_P(DivFixup, GivesTheExpectedResult) {
    check_valu_case(GetParam());
}

INSTANTIATE_TEST_SUITE_P(Table, DivFixup, testing::ValuesIn(kFixups));

// V_DIV_SCALE of denominator and numerator: the powers of two they are multiplied with, and
// whether the quotient needs scaling.
struct ScaleCase {
    double denominator, numerator;
    int denominator_scale, numerator_scale;
    bool mask;
};

void check_scale(const ScaleCase& c, const Line& line, bool wide, bool of_numerator) {
    const auto set = [&](WaveBench& bench, unsigned vgpr, double x) {
        if (wide)
            bench.fill64(vgpr, f64(x));
        else
            bench.fill(vgpr, std::bit_cast<uint32_t>(static_cast<float>(x)));
    };
    WaveBench bench;
    set(bench, 4, c.denominator);
    set(bench, 6, c.numerator);
    set(bench, 2, of_numerator ? c.numerator : c.denominator);
    bench.run(line);
    const double expected = of_numerator ? std::ldexp(c.numerator, c.numerator_scale)
                                         : std::ldexp(c.denominator, c.denominator_scale);
    const double got = wide ? std::bit_cast<double>(bench.lane64(8, 0))
                            : double{std::bit_cast<float>(bench.lane(8, 0))};
    EXPECT_EQ(got, expected) << line.text << " of " << c.numerator << " / " << c.denominator;
    EXPECT_EQ(bench.wave->s64(10), c.mask ? kAllLanes : 0)
        << line.text << " of " << c.numerator << " / " << c.denominator;
}

TEST(DivScale, ScalesWhatWouldLoseBits) {
    const ScaleCase singles[] = {
        {3, 10, 0, 0, false},
        {0x1p-40, 0x1.8p56, 64, 0, true},  // exponents 96 apart
        {0x1p-40, 0x1.8p55, 0, 0, false},
        {0x1p-130, 0x1p-120, 64, 64, false},    // denormal denominator
        {0x1.8p126, 0x1p100, -64, -64, false},  // its reciprocal would be denormal
        {0x1p100, 0x1p-30, 0, 64, true},        // denormal quotient
        {0x1p-100, 0x1p-104, 64, 64, false},    // tiny numerator: biased exponent 23
        {0x1p-100, 0x1p-103, 0, 0, false},
        {-3, kInf, 0, 0, false},
    };
    const ScaleCase doubles[] = {
        {3, 10, 0, 0, false},
        {0x1p-400, 0x1.8p368, 128, 0, true},
        {0x1p-400, 0x1.8p367, 0, 0, false},
        {0x1p-1030, 0x1p-1000, 128, 128, false},
        {0x1.8p1022, 0x1p1000, -128, -128, false},
        {0x1p1000, 0x1p-30, 0, 128, true},
        {0x1p-960, 0x1p-970, 128, 128, false},
        {0x1p-960, 0x1p-969, 0, 0, false},
    };
    const Line single = {"v_div_scale_f32 v8, s[10:11], v2, v4, v6", {0xd1e00a08, 0x041a0902}},
               wide = {"v_div_scale_f64 v[8:9], s[10:11], v[2:3], v[4:5], v[6:7]",
                       {0xd1e10a08, 0x041a0902}};
    for (const bool of_numerator : {false, true}) {
        for (const ScaleCase& c : singles) check_scale(c, single, false, of_numerator);
        for (const ScaleCase& c : doubles) check_scale(c, wide, true, of_numerator);
    }
}

TEST(DivScale, OfZeroIsNan) {
    for (const auto& [denominator, numerator] : {std::pair(0.0f, 3.0f), {3.0f, -0.0f}}) {
        WaveBench bench;
        bench.fill(2, std::bit_cast<uint32_t>(denominator));
        bench.fill(4, std::bit_cast<uint32_t>(denominator));
        bench.fill(6, std::bit_cast<uint32_t>(numerator));
        bench.run({"v_div_scale_f32 v8, s[10:11], v2, v4, v6", {0xd1e00a08, 0x041a0902}});
        EXPECT_TRUE(std::isnan(std::bit_cast<float>(bench.lane(8, 0))));
        EXPECT_EQ(bench.wave->s64(10), 0u);
    }
}

// Where VCC says so, V_DIV_FMAS undoes the scaling: upwards if the quotient is large.
TEST(DivFmas, ScalesBackWhereVccSays) {
    WaveBench bench;
    bench.wave->set_s64(code::kVccLo, 0xf0);
    bench.fill(2, std::bit_cast<uint32_t>(1.0f));
    bench.fill(4, std::bit_cast<uint32_t>(2.0f));
    for (const auto& [addend, factor] : {std::pair(4.0f, 0x1p64f), {0.25f, 0x1p-64f}}) {
        bench.fill(6, std::bit_cast<uint32_t>(addend));
        bench.run({"v_div_fmas_f32 v8, v2, v4, v6", {0xd1e20008, 0x041a0902}});
        EXPECT_EQ(std::bit_cast<float>(bench.lane(8, 3)), 2 + addend);
        EXPECT_EQ(std::bit_cast<float>(bench.lane(8, 4)), (2 + addend) * factor);
    }
    bench.fill64(2, f64(1));
    bench.fill64(4, f64(2));
    for (const auto& [addend, factor] : {std::pair(4.0, 0x1p128), {0.25, 0x1p-128}}) {
        bench.fill64(6, f64(addend));
        bench.run({"v_div_fmas_f64 v[8:9], v[2:3], v[4:5], v[6:7]", {0xd1e30008, 0x041a0902}});
        EXPECT_EQ(std::bit_cast<double>(bench.lane64(8, 3)), 2 + addend);
        EXPECT_EQ(std::bit_cast<double>(bench.lane64(8, 4)), (2 + addend) * factor);
    }
}

// Numerator in v[2:3], denominator in v[4:5], quotient in v[8:9]: Newton's steps.
const Line kDivideSingle[] = {
    {"v_div_scale_f32 v10, s[10:11], v4, v4, v2", {0xd1e00a0a, 0x040a0904}},
    {"v_div_scale_f32 v12, vcc, v2, v4, v2", {0xd1e06a0c, 0x040a0902}},
    {"v_rcp_f32_e32 v14, v10", {0x7e1c450a}},
    {"v_fma_f32 v16, -v10, v14, 1.0", {0xd1cb0010, 0x23ca1d0a}},
    {"v_fma_f32 v14, v16, v14, v14", {0xd1cb000e, 0x043a1d10}},
    {"v_mul_f32_e32 v16, v12, v14", {0x0a201d0c}},
    {"v_fma_f32 v18, -v10, v16, v12", {0xd1cb0012, 0x2432210a}},
    {"v_fma_f32 v16, v18, v14, v16", {0xd1cb0010, 0x04421d12}},
    {"v_fma_f32 v10, -v10, v16, v12", {0xd1cb000a, 0x2432210a}},
    {"v_div_fmas_f32 v10, v10, v14, v16", {0xd1e2000a, 0x04421d0a}},
    {"v_div_fixup_f32 v8, v10, v4, v2", {0xd1de0008, 0x040a090a}},
};
const Line kDivideDouble[] = {
    {"v_div_scale_f64 v[10:11], s[10:11], v[4:5], v[4:5], v[2:3]", {0xd1e10a0a, 0x040a0904}},
    {"v_div_scale_f64 v[12:13], vcc, v[2:3], v[4:5], v[2:3]", {0xd1e16a0c, 0x040a0902}},
    {"v_rcp_f64_e32 v[14:15], v[10:11]", {0x7e1c4b0a}},
    {"v_fma_f64 v[16:17], -v[10:11], v[14:15], 1.0", {0xd1cc0010, 0x23ca1d0a}},
    {"v_fma_f64 v[14:15], v[14:15], v[16:17], v[14:15]", {0xd1cc000e, 0x043a210e}},
    {"v_fma_f64 v[16:17], -v[10:11], v[14:15], 1.0", {0xd1cc0010, 0x23ca1d0a}},
    {"v_fma_f64 v[14:15], v[14:15], v[16:17], v[14:15]", {0xd1cc000e, 0x043a210e}},
    {"v_mul_f64 v[16:17], v[12:13], v[14:15]", {0xd2810010, 0x00021d0c}},
    {"v_fma_f64 v[10:11], -v[10:11], v[16:17], v[12:13]", {0xd1cc000a, 0x2432210a}},
    {"v_div_fmas_f64 v[10:11], v[10:11], v[14:15], v[16:17]", {0xd1e3000a, 0x04421d0a}},
    {"v_div_fixup_f64 v[8:9], v[10:11], v[4:5], v[2:3]", {0xd1df0008, 0x040a090a}},
};

// Bit patterns of all magnitudes, with the limits of the format often.
template <class T>
class Numbers {
  public:
    T next() {
        using Limits = std::numeric_limits<T>;
        using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
        static const T kSpecial[] = {0,
                                     1,
                                     3,
                                     Limits::infinity(),
                                     Limits::quiet_NaN(),
                                     Limits::min(),
                                     Limits::max(),
                                     Limits::denorm_min(),
                                     Limits::min() - Limits::denorm_min(),
                                     Limits::max() / 2,
                                     Limits::min() * 2,
                                     1 + Limits::epsilon()};
        const uint64_t noise = random_();
        if (random_() % 3) return std::bit_cast<T>(static_cast<Bits>(noise));
        const T special = kSpecial[random_() % std::size(kSpecial)];
        return noise & 1 ? -special : special;
    }

  private:
    std::mt19937_64 random_{314159};
};

template <class T>
T lane_number(const WaveBench& bench, unsigned vgpr, unsigned lane) {
    if constexpr (sizeof(T) == 8)
        return std::bit_cast<T>(bench.lane64(vgpr, lane));
    else
        return std::bit_cast<T>(bench.lane(vgpr, lane));
}

template <class T>
void set_number(WaveBench& bench, unsigned vgpr, unsigned lane, T value) {
    uint32_t words[sizeof(T) / 4];
    std::memcpy(words, &value, sizeof value);
    for (unsigned i = 0; i < std::size(words); i++) bench.wave->v[vgpr + i].lane[lane] = words[i];
}

template <class T, size_t N>
void check_quotients(const Line (&steps)[N]) {
    Numbers<T> numbers;
    WaveBench bench;
    unsigned wrong = 0;
    for (unsigned round = 0; round < 1000; round++) {
        for (unsigned lane = 0; lane < kLanes; lane++) {
            set_number(bench, 2, lane, numbers.next());
            set_number(bench, 4, lane, numbers.next());
        }
        for (const Line& step : steps) bench.run(step);
        for (unsigned lane = 0; lane < kLanes; lane++) {
            const T n = lane_number<T>(bench, 2, lane), d = lane_number<T>(bench, 4, lane);
            const T got = lane_number<T>(bench, 8, lane), expected = n / d;
            const bool same = std::isnan(expected)
                                  ? std::isnan(got)
                                  : got == expected && std::signbit(got) == std::signbit(expected);
            if (same) continue;
            ADD_FAILURE() << std::hexfloat << n << " / " << d << " = " << expected << ", got "
                          << got;
            if (++wrong == 10) return;
        }
    }
}

TEST(Division, SinglesAreCorrectlyRounded) {
    check_quotients<float>(kDivideSingle);
}

TEST(Division, DoublesAreCorrectlyRounded) {
    check_quotients<double>(kDivideDouble);
}

}  // namespace
}  // namespace simgpu::gfx9::test
