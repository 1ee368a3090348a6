// Sums and differences with carries, of 32 and of 64 bits.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// v2 and v4 in, v8 out; the carry in and out are masks in scalar registers. `exact` is the result
// without a limit to its bits: if it has more than 32, or is negative, there is a carry.
struct CarryCase {
    Line line;
    unsigned carry_in, carry_out;
    bool clamp;
    int64_t (*exact)(int64_t a, int64_t b, int64_t c);
};

// clang-format off
const CarryCase kCarryCases[] = {
    {{"v_add_co_u32_e32 v8, vcc, v2, v4", {0x32100902}}, code::kVccLo, code::kVccLo, false, [](int64_t a, int64_t b, int64_t) { return a + b; }},
    {{"v_add_co_u32_e64 v8, s[12:13], v2, v4", {0xd1190c08, 0x00020902}}, 10, 12, false, [](int64_t a, int64_t b, int64_t) { return a + b; }},
    {{"v_add_co_u32_e64 v8, s[12:13], v2, v4 clamp", {0xd1198c08, 0x00020902}}, 10, 12, true, [](int64_t a, int64_t b, int64_t) { return a + b; }},
    {{"v_sub_co_u32_e32 v8, vcc, v2, v4", {0x34100902}}, code::kVccLo, code::kVccLo, false, [](int64_t a, int64_t b, int64_t) { return a - b; }},
    {{"v_sub_co_u32_e64 v8, s[12:13], v2, v4", {0xd11a0c08, 0x00020902}}, 10, 12, false, [](int64_t a, int64_t b, int64_t) { return a - b; }},
    {{"v_sub_co_u32_e64 v8, s[12:13], v2, v4 clamp", {0xd11a8c08, 0x00020902}}, 10, 12, true, [](int64_t a, int64_t b, int64_t) { return a - b; }},
    {{"v_subrev_co_u32_e32 v8, vcc, v2, v4", {0x36100902}}, code::kVccLo, code::kVccLo, false, [](int64_t a, int64_t b, int64_t) { return b - a; }},
    {{"v_subrev_co_u32_e64 v8, s[12:13], v2, v4", {0xd11b0c08, 0x00020902}}, 10, 12, false, [](int64_t a, int64_t b, int64_t) { return b - a; }},
    {{"v_subrev_co_u32_e64 v8, s[12:13], v2, v4 clamp", {0xd11b8c08, 0x00020902}}, 10, 12, true, [](int64_t a, int64_t b, int64_t) { return b - a; }},
    {{"v_addc_co_u32_e32 v8, vcc, v2, v4, vcc", {0x38100902}}, code::kVccLo, code::kVccLo, false, [](int64_t a, int64_t b, int64_t c) { return a + b + c; }},
    {{"v_addc_co_u32_e64 v8, s[12:13], v2, v4, s[10:11]", {0xd11c0c08, 0x002a0902}}, 10, 12, false, [](int64_t a, int64_t b, int64_t c) { return a + b + c; }},
    {{"v_addc_co_u32_e64 v8, s[12:13], v2, v4, s[10:11] clamp", {0xd11c8c08, 0x002a0902}}, 10, 12, true, [](int64_t a, int64_t b, int64_t c) { return a + b + c; }},
    {{"v_subb_co_u32_e32 v8, vcc, v2, v4, vcc", {0x3a100902}}, code::kVccLo, code::kVccLo, false, [](int64_t a, int64_t b, int64_t c) { return a - b - c; }},
    {{"v_subb_co_u32_e64 v8, s[12:13], v2, v4, s[10:11]", {0xd11d0c08, 0x002a0902}}, 10, 12, false, [](int64_t a, int64_t b, int64_t c) { return a - b - c; }},
    {{"v_subb_co_u32_e64 v8, s[12:13], v2, v4, s[10:11] clamp", {0xd11d8c08, 0x002a0902}}, 10, 12, true, [](int64_t a, int64_t b, int64_t c) { return a - b - c; }},
    {{"v_subbrev_co_u32_e32 v8, vcc, v2, v4, vcc", {0x3c100902}}, code::kVccLo, code::kVccLo, false, [](int64_t a, int64_t b, int64_t c) { return b - a - c; }},
    {{"v_subbrev_co_u32_e64 v8, s[12:13], v2, v4, s[10:11]", {0xd11e0c08, 0x002a0902}}, 10, 12, false, [](int64_t a, int64_t b, int64_t c) { return b - a - c; }},
    {{"v_subbrev_co_u32_e64 v8, s[12:13], v2, v4, s[10:11] clamp", {0xd11e8c08, 0x002a0902}}, 10, 12, true, [](int64_t a, int64_t b, int64_t c) { return b - a - c; }},
};
// clang-format on

constexpr uint32_t kCarryNumbers[] = {0,          1,          2,          0x7fffffff,
                                      0x80000000, 0x80000001, 0xfffffffe, 0xffffffff};
constexpr uint64_t kCarryExec = 0xfeff'ffff'ffff'7fff;

// Lane i * 8 + j has numbers i and j.
void check(const CarryCase& c, uint64_t carries) {
    WaveBench bench;
    for (unsigned lane = 0; lane < kLanes; lane++) {
        bench.wave->v[2].lane[lane] = kCarryNumbers[lane / 8];
        bench.wave->v[4].lane[lane] = kCarryNumbers[lane % 8];
    }
    bench.fill(8, 0xdeadbeef);
    bench.wave->set_s64(c.carry_out, ~uint64_t{0});
    bench.wave->set_s64(c.carry_in, carries);
    bench.wave->set_exec(kCarryExec);
    bench.run(c.line);
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const bool active = kCarryExec >> lane & 1;
        const int64_t exact = c.exact(kCarryNumbers[lane / 8], kCarryNumbers[lane % 8],
                                      static_cast<int64_t>(carries >> lane & 1));
        const int64_t shown = c.clamp ? std::clamp<int64_t>(exact, 0, 0xffffffff) : exact;
        ASSERT_EQ(bench.lane(8, lane), active ? static_cast<uint32_t>(shown) : 0xdeadbeef)
            << c.line.text << " lane " << lane;
        ASSERT_EQ(bench.wave->s64(c.carry_out) >> lane & 1, active && (exact < 0 || exact >> 32))
            << c.line.text << " lane " << lane;
    }
}

TEST(ValuCarry, EveryInstructionInBothForms) {
    for (const CarryCase& c : kCarryCases)
        for (const uint64_t carries : {uint64_t{0}, ~uint64_t{0}, uint64_t{0x0123'4567'89ab'cdef}})
            check(c, carries);
}

// V_MAD_U64_U32 and V_MAD_I64_I32 have a carry out as well.
TEST(ValuCarry, WideMultiplyAdds) {
    WaveBench bench;
    bench.fill(2, 0xffffffff);
    bench.fill(4, 0xffffffff);
    bench.fill64(6, 0x00000001ffffffff);
    bench.run({"v_mad_u64_u32 v[8:9], s[10:11], v2, v4, v[6:7]", {0xd1e80a08, 0x041a0902}});
    EXPECT_EQ(bench.lane64(8, 0), 0u);  // 2^64 exactly
    EXPECT_EQ(bench.wave->s64(10), ~uint64_t{0});
    bench.fill64(6, 0x00000001fffffffe);
    bench.run({"v_mad_u64_u32 v[8:9], s[10:11], v2, v4, v[6:7]", {0xd1e80a08, 0x041a0902}});
    EXPECT_EQ(bench.lane64(8, 0), ~uint64_t{0});
    EXPECT_EQ(bench.wave->s64(10), 0u);
}

}  // namespace
}  // namespace simgpu::gfx9::test
