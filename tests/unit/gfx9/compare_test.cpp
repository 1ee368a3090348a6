// VOPC: comparisons and classes.
#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "tests/unit/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

struct CompareCase {
    Line line;
    // Expected for (a, b) = (1, 2), (2, 2), (3, 2), (NaN or -1, 2).
    bool less, equal, greater, special;
};

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

const CompareCase kFloatCases[] = {
    {{"v_cmp_f_f32_e32 vcc, v2, v4", {0x7c800902}}, false, false, false, false},
    {{"v_cmp_lt_f32_e32 vcc, v2, v4", {0x7c820902}}, true, false, false, false},
    {{"v_cmp_eq_f32_e32 vcc, v2, v4", {0x7c840902}}, false, true, false, false},
    {{"v_cmp_le_f32_e32 vcc, v2, v4", {0x7c860902}}, true, true, false, false},
    {{"v_cmp_gt_f32_e32 vcc, v2, v4", {0x7c880902}}, false, false, true, false},
    {{"v_cmp_lg_f32_e32 vcc, v2, v4", {0x7c8a0902}}, true, false, true, false},
    {{"v_cmp_ge_f32_e32 vcc, v2, v4", {0x7c8c0902}}, false, true, true, false},
    {{"v_cmp_o_f32_e32 vcc, v2, v4", {0x7c8e0902}}, true, true, true, false},
    {{"v_cmp_u_f32_e32 vcc, v2, v4", {0x7c900902}}, false, false, false, true},
    {{"v_cmp_nge_f32_e32 vcc, v2, v4", {0x7c920902}}, true, false, false, true},
    {{"v_cmp_nlg_f32_e32 vcc, v2, v4", {0x7c940902}}, false, true, false, true},
    {{"v_cmp_ngt_f32_e32 vcc, v2, v4", {0x7c960902}}, true, true, false, true},
    {{"v_cmp_nle_f32_e32 vcc, v2, v4", {0x7c980902}}, false, false, true, true},
    {{"v_cmp_neq_f32_e32 vcc, v2, v4", {0x7c9a0902}}, true, false, true, true},
    {{"v_cmp_nlt_f32_e32 vcc, v2, v4", {0x7c9c0902}}, false, true, true, true},
    {{"v_cmp_tru_f32_e32 vcc, v2, v4", {0x7c9e0902}}, true, true, true, true},
};

const CompareCase kIntegerCases[] = {
    {{"v_cmp_f_i32_e32 vcc, v2, v4", {0x7d800902}}, false, false, false, false},
    {{"v_cmp_lt_i32_e32 vcc, v2, v4", {0x7d820902}}, true, false, false, true},
    {{"v_cmp_eq_i32_e32 vcc, v2, v4", {0x7d840902}}, false, true, false, false},
    {{"v_cmp_le_i32_e32 vcc, v2, v4", {0x7d860902}}, true, true, false, true},
    {{"v_cmp_gt_i32_e32 vcc, v2, v4", {0x7d880902}}, false, false, true, false},
    {{"v_cmp_ne_i32_e32 vcc, v2, v4", {0x7d8a0902}}, true, false, true, true},
    {{"v_cmp_ge_i32_e32 vcc, v2, v4", {0x7d8c0902}}, false, true, true, false},
    {{"v_cmp_t_i32_e32 vcc, v2, v4", {0x7d8e0902}}, true, true, true, true},
    {{"v_cmp_lt_u32_e32 vcc, v2, v4", {0x7d920902}}, true, false, false, false},
    {{"v_cmp_gt_u32_e32 vcc, v2, v4", {0x7d980902}}, false, false, true, true},
    {{"v_cmp_le_u32_e32 vcc, v2, v4", {0x7d960902}}, true, true, false, false},
    {{"v_cmp_ge_u32_e32 vcc, v2, v4", {0x7d9c0902}}, false, true, true, true},
    {{"v_cmp_lt_i16_e32 vcc, v2, v4", {0x7d420902}}, true, false, false, true},
    {{"v_cmp_gt_u16_e32 vcc, v2, v4", {0x7d580902}}, false, false, true, true},
    {{"v_cmp_lt_i64_e32 vcc, v[2:3], v[4:5]", {0x7dc20902}}, true, false, false, true},
    {{"v_cmp_gt_u64_e32 vcc, v[2:3], v[4:5]", {0x7dd80902}}, false, false, true, true},
    {{"v_cmp_ne_u64_e32 vcc, v[2:3], v[4:5]", {0x7dda0902}}, true, false, true, true},
};

uint64_t expected_mask(const CompareCase& c) {
    const bool results[] = {c.less, c.equal, c.greater, c.special};
    uint64_t mask = 0;
    for (unsigned lane = 0; lane < kLanes; lane++) mask |= uint64_t{results[lane % 4]} << lane;
    return mask;
}

void set_lane64(WaveBench& bench, unsigned vgpr, unsigned lane, uint64_t value) {
    bench.wave->v[vgpr].lane[lane] = static_cast<uint32_t>(value);
    bench.wave->v[vgpr + 1].lane[lane] = static_cast<uint32_t>(value >> 32);
}

TEST(Compare, FloatsByEveryPredicate) {
    for (const CompareCase& c : kFloatCases) {
        WaveBench bench;
        const float values[] = {1, 2, 3, kNan};
        for (unsigned lane = 0; lane < kLanes; lane++)
            bench.wave->v[2].lane[lane] = std::bit_cast<uint32_t>(values[lane % 4]);
        bench.fill(4, std::bit_cast<uint32_t>(2.0f));
        bench.run(c.line);
        EXPECT_EQ(bench.wave->vcc(), expected_mask(c)) << c.line.text;
    }
}

TEST(Compare, IntegersByEveryPredicate) {
    for (const CompareCase& c : kIntegerCases) {
        WaveBench bench;
        const int64_t values[] = {1, 2, 3, -1};
        for (unsigned lane = 0; lane < kLanes; lane++)
            set_lane64(bench, 2, lane, static_cast<uint64_t>(values[lane % 4]));
        bench.fill64(4, 2);
        bench.run(c.line);
        EXPECT_EQ(bench.wave->vcc(), expected_mask(c)) << c.line.text;
    }
}

TEST(Compare, HalvesAndDoublesCompareAsNumbers) {
    WaveBench bench;
    bench.fill(2, 0xc000);  // -2
    bench.fill(4, 0x3c00);  // 1
    bench.run({"v_cmp_lt_f16_e32 vcc, v2, v4", {0x7c420902}});
    EXPECT_EQ(bench.wave->vcc(), ~uint64_t{0});
    bench.run({"v_cmp_lt_f16_e64 s[4:5], |v2|, v4", {0xd0210104, 0x00020902}});
    EXPECT_EQ(bench.wave->s64(4), 0u);
    bench.fill64(2, std::bit_cast<uint64_t>(-2.0));
    bench.fill64(4, std::bit_cast<uint64_t>(1.0));
    bench.run({"v_cmp_lt_f64_e64 s[4:5], v[2:3], v[4:5]", {0xd0610004, 0x00020902}});
    EXPECT_EQ(bench.wave->s64(4), ~uint64_t{0});
    bench.run({"v_cmp_lt_f64_e64 s[4:5], -v[2:3], v[4:5]", {0xd0610004, 0x20020902}});
    EXPECT_EQ(bench.wave->s64(4), 0u);
}

TEST(Compare, InactiveLanesGiveZero) {
    WaveBench bench;
    bench.wave->set_exec(0xff);
    bench.wave->set_s64(code::kVccLo, ~uint64_t{0});
    bench.run({"v_cmp_eq_u32_e32 vcc, v2, v4", {0x7d940902}});
    EXPECT_EQ(bench.wave->vcc(), 0xffu);
}

TEST(Compare, CmpxSetsExecToo) {
    WaveBench bench;
    for (unsigned lane = 0; lane < kLanes; lane++) bench.wave->v[2].lane[lane] = lane;
    bench.run({"v_cmpx_gt_u32_e32 vcc, 8, v2", {0x7db80488}});
    EXPECT_EQ(bench.wave->vcc(), 0xffu);
    EXPECT_EQ(bench.wave->exec(), 0xffu);
    bench.run({"v_cmpx_le_f32_e64 s[4:5], 1.0, v3", {0xd0530004, 0x000206f2}});
    EXPECT_EQ(bench.wave->s64(4), 0u);
    EXPECT_EQ(bench.wave->exec(), 0u);
    EXPECT_EQ(bench.wave->vcc(), 0xffu);
}

struct ClassCase {
    uint32_t single;
    uint32_t half;
    unsigned bit;
};

TEST(Compare, ClassesOfNumbers) {
    const ClassCase cases[] = {
        {0x7fa00000, 0x7d00, 0}, {0x7fc00000, 0x7e00, 1}, {0xff800000, 0xfc00, 2},
        {0xbf800000, 0xbc00, 3}, {0x80000001, 0x8001, 4}, {0x80000000, 0x8000, 5},
        {0x00000000, 0x0000, 6}, {0x00000001, 0x0001, 7}, {0x3f800000, 0x3c00, 8},
        {0x7f800000, 0x7c00, 9},
    };
    for (const ClassCase& c : cases)
        for (unsigned bit = 0; bit < 10; bit++) {
            WaveBench bench;
            bench.fill(4, 1u << bit);
            const uint64_t expected = bit == c.bit ? ~uint64_t{0} : 0;
            bench.fill(2, c.single);
            bench.run({"v_cmp_class_f32_e32 vcc, v2, v4", {0x7c200902}});
            EXPECT_EQ(bench.wave->vcc(), expected) << std::hex << c.single << " bit " << bit;
            bench.fill(2, c.half);
            bench.run({"v_cmp_class_f16_e32 vcc, v2, v4", {0x7c280902}});
            EXPECT_EQ(bench.wave->vcc(), expected) << std::hex << c.half << " bit " << bit;
        }
    WaveBench bench;
    bench.fill64(2, 0xfff0000000000000);
    bench.fill(4, 1u << 2);
    bench.run({"v_cmp_class_f64_e32 vcc, v[2:3], v4", {0x7c240902}});
    EXPECT_EQ(bench.wave->vcc(), ~uint64_t{0});
}

}  // namespace
}  // namespace simgpu::gfx9::test
