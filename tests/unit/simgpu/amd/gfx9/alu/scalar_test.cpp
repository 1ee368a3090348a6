// SOP1, SOP2, SOPK, SOPC: scalar arithmetic. Comparisons and control have files of their own.
#include <gtest/gtest.h>

#include <ostream>

#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

enum Scc { kOff, kOn, kUnchanged };  // SCC is set before the instruction

// s[2:3] and s[6:7] are the sources, s[4:5] the result (before: kOld).
struct ScalarCase {
    Line line;
    uint64_t a, b;
    uint64_t expected;
    Scc scc;
};

void PrintTo(const ScalarCase& c, std::ostream* out) {
    *out << c.line.text << std::hex << " of " << c.a << ", " << c.b;
}

constexpr uint64_t kOld = 0x0123456789abcdef;
constexpr uint64_t kHigh = 0x0123456700000000;  // what a 32-bit result leaves

const ScalarCase kScalarCases[] = {
    {{"s_add_u32 s4, s2, s6", {0x80040602}}, 0xffffffff, 1, kHigh, kOn},
    {{"s_sub_u32 s4, s2, s6", {0x80840602}}, 1, 2, kHigh | 0xffffffff, kOn},
    {{"s_add_i32 s4, s2, s6", {0x81040602}}, 0x7fffffff, 1, kHigh | 0x80000000, kOn},
    {{"s_add_i32 s4, s2, s6", {0x81040602}}, 0xffffffff, 1, kHigh, kOff},
    {{"s_sub_i32 s4, s2, s6", {0x81840602}}, 0x80000000, 1, kHigh | 0x7fffffff, kOn},
    {{"s_addc_u32 s4, s2, s6", {0x82040602}}, 1, 2, kHigh | 4, kOff},
    {{"s_subb_u32 s4, s2, s6", {0x82840602}}, 2, 2, kHigh | 0xffffffff, kOn},
    {{"s_min_i32 s4, s2, s6", {0x83040602}}, 0xffffffff, 1, kHigh | 0xffffffff, kOn},
    {{"s_min_u32 s4, s2, s6", {0x83840602}}, 0xffffffff, 1, kHigh | 1, kOff},
    {{"s_max_i32 s4, s2, s6", {0x84040602}}, 0xffffffff, 1, kHigh | 1, kOff},
    {{"s_max_u32 s4, s2, s6", {0x84840602}}, 0xffffffff, 1, kHigh | 0xffffffff, kOn},
    {{"s_cselect_b32 s4, s2, s6", {0x85040602}}, 1, 2, kHigh | 1, kUnchanged},
    {{"s_cselect_b64 s[4:5], s[2:3], s[6:7]", {0x85840602}}, 1, 2, 1, kUnchanged},
    {{"s_and_b32 s4, s2, s6", {0x86040602}}, 0xf0, 0x0f, kHigh, kOff},
    {{"s_or_b64 s[4:5], s[2:3], s[6:7]", {0x87840602}}, 0xf000000000, 1, 0xf000000001, kOn},
    {{"s_xor_b64 s[4:5], s[2:3], s[6:7]", {0x88840602}}, 5, 5, 0, kOff},
    {{"s_andn2_b64 s[4:5], s[2:3], s[6:7]", {0x89840602}}, 7, 5, 2, kOn},
    {{"s_orn2_b32 s4, s2, s6", {0x8a040602}}, 0, 0xffffffff, kHigh, kOff},
    {{"s_nand_b32 s4, s2, s6", {0x8b040602}}, 3, 1, kHigh | 0xfffffffe, kOn},
    {{"s_nor_b64 s[4:5], s[2:3], s[6:7]", {0x8c840602}}, ~uint64_t{0}, 1, 0, kOff},
    {{"s_xnor_b32 s4, s2, s6", {0x8d040602}}, 3, 3, kHigh | 0xffffffff, kOn},
    {{"s_lshl_b32 s4, s2, s6", {0x8e040602}}, 1, 33, kHigh | 2, kOn},
    {{"s_lshl_b64 s[4:5], s[2:3], s6", {0x8e840602}}, 1, 33, uint64_t{1} << 33, kOn},
    {{"s_lshr_b32 s4, s2, s6", {0x8f040602}}, 0x80000000, 31, kHigh | 1, kOn},
    {{"s_lshr_b64 s[4:5], s[2:3], s6", {0x8f840602}}, uint64_t{1} << 63, 63, 1, kOn},
    {{"s_ashr_i32 s4, s2, s6", {0x90040602}}, 0x80000000, 31, kHigh | 0xffffffff, kOn},
    {{"s_ashr_i64 s[4:5], s[2:3], s6", {0x90840602}}, uint64_t{1} << 63, 63, ~uint64_t{0}, kOn},
    {{"s_bfm_b32 s4, s2, s6", {0x91040602}}, 4, 8, kHigh | 0xf00, kUnchanged},
    {{"s_bfm_b64 s[4:5], s2, s6", {0x91840602}}, 4, 40, 0xf0000000000, kUnchanged},
    {{"s_mul_i32 s4, s2, s6", {0x92040602}}, 0x10001, 0x10001, kHigh | 0x20001, kUnchanged},
    {{"s_bfe_u32 s4, s2, s6", {0x92840602}}, 0x12345678, 0x00080004, kHigh | 0x67, kOn},
    {{"s_bfe_u32 s4, s2, s6", {0x92840602}}, 0x12345678, 0x00000004, kHigh, kOff},
    {{"s_bfe_i32 s4, s2, s6", {0x93040602}}, 0x12345f78, 0x00040008, kHigh | 0xffffffff, kOn},
    {{"s_bfe_u64 s[4:5], s[2:3], s6", {0x93840602}}, 0x123456789abcdef0, 0x00100020, 0x5678, kOn},
    {{"s_bfe_i64 s[4:5], s[2:3], s6", {0x94040602}},
     0x8000000000000000,
     0x0004003c,
     ~uint64_t{7},
     kOn},
    {{"s_absdiff_i32 s4, s2, s6", {0x95040602}}, 3, 10, kHigh | 7, kOn},
    // The difference wraps before its sign is looked at (Vega ISA, examples of S_ABSDIFF_I32).
    {{"s_absdiff_i32 s4, s2, s6", {0x95040602}}, 0xffffffff, 0, kHigh | 1, kOn},
    {{"s_absdiff_i32 s4, s2, s6", {0x95040602}}, 0x80000000, 0, kHigh | 0x80000000, kOn},
    {{"s_absdiff_i32 s4, s2, s6", {0x95040602}}, 0x80000000, 1, kHigh | 0x7fffffff, kOn},
    {{"s_absdiff_i32 s4, s2, s6", {0x95040602}}, 0x80000000, 0xfffffffe, kHigh | 0x7ffffffe, kOn},
    {{"s_absdiff_i32 s4, s2, s6", {0x95040602}}, 7, 7, kHigh, kOff},
    {{"s_mul_hi_u32 s4, s2, s6", {0x96040602}},
     0xffffffff,
     0xffffffff,
     kHigh | 0xfffffffe,
     kUnchanged},
    {{"s_mul_hi_i32 s4, s2, s6", {0x96840602}}, 0xffffffff, 2, kHigh | 0xffffffff, kUnchanged},
    {{"s_lshl1_add_u32 s4, s2, s6", {0x97040602}}, 3, 1, kHigh | 7, kOff},
    {{"s_lshl2_add_u32 s4, s2, s6", {0x97840602}}, 0x40000000, 1, kHigh | 1, kOn},
    {{"s_lshl3_add_u32 s4, s2, s6", {0x98040602}}, 3, 1, kHigh | 25, kOff},
    {{"s_lshl4_add_u32 s4, s2, s6", {0x98840602}}, 3, 1, kHigh | 49, kOff},
    {{"s_pack_ll_b32_b16 s4, s2, s6", {0x99040602}},
     0x11112222,
     0x33334444,
     kHigh | 0x44442222,
     kUnchanged},
    {{"s_pack_lh_b32_b16 s4, s2, s6", {0x99840602}},
     0x11112222,
     0x33334444,
     kHigh | 0x33332222,
     kUnchanged},
    {{"s_pack_hh_b32_b16 s4, s2, s6", {0x9a040602}},
     0x11112222,
     0x33334444,
     kHigh | 0x33331111,
     kUnchanged},
    {{"s_or_b32 s4, s2, s6", {0x87040602}}, 0xf0, 0x0f, kHigh | 0xff, kOn},
    {{"s_or_b32 s4, s2, s6", {0x87040602}}, 0, 0, kHigh, kOff},
    {{"s_xor_b32 s4, s2, s6", {0x88040602}}, 0xff, 0x0f, kHigh | 0xf0, kOn},
    {{"s_xor_b32 s4, s2, s6", {0x88040602}}, 0xff, 0xff, kHigh, kOff},
    {{"s_andn2_b32 s4, s2, s6", {0x89040602}}, 7, 5, kHigh | 2, kOn},
    {{"s_andn2_b32 s4, s2, s6", {0x89040602}}, 5, 7, kHigh, kOff},
    {{"s_and_b32 s4, s2, s6", {0x86040602}}, 6, 3, kHigh | 2, kOn},
    {{"s_and_b64 s[4:5], s[2:3], s[6:7]", {0x86840602}}, 6, 3, 2, kOn},
    {{"s_or_b64 s[4:5], s[2:3], s[6:7]", {0x87840602}}, 6, 3, 7, kOn},
    {{"s_xor_b64 s[4:5], s[2:3], s[6:7]", {0x88840602}}, 6, 3, 5, kOn},
    {{"s_orn2_b32 s4, s2, s6", {0x8a040602}}, 6, 3, kHigh | 0xfffffffe, kOn},
    {{"s_nor_b64 s[4:5], s[2:3], s[6:7]", {0x8c840602}}, 6, 3, ~uint64_t{7}, kOn},
    {{"s_xnor_b32 s4, s2, s6", {0x8d040602}}, 6, 3, kHigh | 0xfffffffa, kOn},
    {{"s_orn2_b64 s[4:5], s[2:3], s[6:7]", {0x8a840602}}, 1, 0xff, ~uint64_t{0xfe}, kOn},
    {{"s_orn2_b64 s[4:5], s[2:3], s[6:7]", {0x8a840602}}, 0, ~uint64_t{0}, 0, kOff},
    {{"s_nand_b64 s[4:5], s[2:3], s[6:7]", {0x8b840602}}, 6, 3, ~uint64_t{2}, kOn},
    {{"s_nand_b64 s[4:5], s[2:3], s[6:7]", {0x8b840602}}, ~uint64_t{0}, ~uint64_t{0}, 0, kOff},
    {{"s_nor_b32 s4, s2, s6", {0x8c040602}}, 6, 3, kHigh | 0xfffffff8, kOn},
    {{"s_nor_b32 s4, s2, s6", {0x8c040602}}, 0xffff, 0xffff0000, kHigh, kOff},
    {{"s_xnor_b64 s[4:5], s[2:3], s[6:7]", {0x8d840602}}, 6, 3, ~uint64_t{5}, kOn},
    {{"s_xnor_b64 s[4:5], s[2:3], s[6:7]", {0x8d840602}}, 0xffffffff, 0xffffffff00000000, 0, kOff},
    {{"s_min_i32 s4, s2, s6", {0x83040602}}, 1, 0x80000000, kHigh | 0x80000000, kOff},
    {{"s_max_i32 s4, s2, s6", {0x84040602}}, 1, 0x80000000, kHigh | 1, kOn},
    {{"s_bfm_b32 s4, s2, s6", {0x91040602}}, 32, 0, kHigh, kUnchanged},
    {{"s_bfe_i32 s4, s2, s6", {0x93040602}}, 0x80000000, 0x0040001c, kHigh | 0xfffffff8, kOn},
    {{"s_bfe_u64 s[4:5], s[2:3], s6", {0x93840602}}, ~uint64_t{0}, 0x00400000, ~uint64_t{0}, kOn},
    // SOP1
    {{"s_mov_b32 s4, s2", {0xbe840002}}, 7, 0, kHigh | 7, kUnchanged},
    {{"s_mov_b64 s[4:5], s[2:3]", {0xbe840102}}, ~uint64_t{0}, 0, ~uint64_t{0}, kUnchanged},
    {{"s_cmov_b32 s4, s2", {0xbe840202}}, 7, 0, kHigh | 7, kUnchanged},
    {{"s_not_b32 s4, s2", {0xbe840402}}, 0xffffffff, 0, kHigh, kOff},
    {{"s_not_b64 s[4:5], s[2:3]", {0xbe840502}}, 0, 0, ~uint64_t{0}, kOn},
    {{"s_wqm_b64 s[4:5], s[2:3]", {0xbe840702}}, 0x8000000000000010, 0, 0xf0000000000000f0, kOn},
    {{"s_brev_b32 s4, s2", {0xbe840802}}, 0x1, 0, kHigh | 0x80000000, kUnchanged},
    {{"s_brev_b64 s[4:5], s[2:3]", {0xbe840902}}, 0x1, 0, 0x8000000000000000, kUnchanged},
    {{"s_bcnt0_i32_b32 s4, s2", {0xbe840a02}}, 0xf, 0, kHigh | 28, kOn},
    {{"s_bcnt1_i32_b32 s4, s2", {0xbe840c02}}, 0xf, 0, kHigh | 4, kOn},
    {{"s_bcnt1_i32_b64 s4, s[2:3]", {0xbe840d02}}, 0xf00000000f, 0, kHigh | 8, kOn},
    {{"s_ff0_i32_b32 s4, s2", {0xbe840e02}}, 0xf, 0, kHigh | 4, kUnchanged},
    {{"s_ff1_i32_b32 s4, s2", {0xbe841002}}, 0x10, 0, kHigh | 4, kUnchanged},
    {{"s_ff1_i32_b64 s4, s[2:3]", {0xbe841102}}, 0x1000000000, 0, kHigh | 36, kUnchanged},
    {{"s_ff1_i32_b32 s4, s2", {0xbe841002}}, 0, 0, kHigh | 0xffffffff, kUnchanged},
    {{"s_flbit_i32_b32 s4, s2", {0xbe841202}}, 0x10, 0, kHigh | 27, kUnchanged},
    {{"s_flbit_i32_b64 s4, s[2:3]", {0xbe841302}}, 0x10, 0, kHigh | 59, kUnchanged},
    {{"s_flbit_i32 s4, s2", {0xbe841402}}, 0x80000000, 0, kHigh | 1, kUnchanged},
    {{"s_flbit_i32 s4, s2", {0xbe841402}}, 0xffffffff, 0, kHigh | 0xffffffff, kUnchanged},
    {{"s_sext_i32_i8 s4, s2", {0xbe841602}}, 0x180, 0, kHigh | 0xffffff80, kUnchanged},
    {{"s_sext_i32_i16 s4, s2", {0xbe841702}}, 0x18000, 0, kHigh | 0xffff8000, kUnchanged},
    {{"s_bitset0_b32 s4, s2", {0xbe841802}}, 0, 0, kHigh | 0x89abcdee, kUnchanged},
    {{"s_bitset1_b64 s[4:5], s2", {0xbe841b02}}, 63, 0, 0x8123456789abcdef, kUnchanged},
    {{"s_quadmask_b64 s[4:5], s[2:3]", {0xbe842902}}, 0x8000000000000010, 0, 0x8002, kOn},
    {{"s_abs_i32 s4, s2", {0xbe843002}}, 0xfffffffe, 0, kHigh | 2, kOn},
    {{"s_bitreplicate_b64_b32 s[4:5], s2", {0xbe843702}},
     0x80000005,
     0,
     0xc000000000000033,
     kUnchanged},
    {{"s_cmov_b64 s[4:5], s[2:3]", {0xbe840302}},
     0x123456789abcdef0,
     0,
     0x123456789abcdef0,
     kUnchanged},
    {{"s_wqm_b32 s4, s2", {0xbe840602}}, 0x80000010, 0, kHigh | 0xf00000f0, kOn},
    {{"s_wqm_b32 s4, s2", {0xbe840602}}, 0, 0, kHigh, kOff},
    {{"s_bcnt0_i32_b64 s4, s[2:3]", {0xbe840b02}}, 0xf00000000f, 0, kHigh | 56, kOn},
    {{"s_bcnt0_i32_b64 s4, s[2:3]", {0xbe840b02}}, ~uint64_t{0}, 0, kHigh, kOff},
    {{"s_ff0_i32_b64 s4, s[2:3]", {0xbe840f02}}, 0xffffffffff, 0, kHigh | 40, kUnchanged},
    {{"s_ff0_i32_b64 s4, s[2:3]", {0xbe840f02}}, ~uint64_t{0}, 0, kHigh | 0xffffffff, kUnchanged},
    {{"s_flbit_i32_i64 s4, s[2:3]", {0xbe841502}}, 0x0000800000000000, 0, kHigh | 16, kUnchanged},
    {{"s_flbit_i32_i64 s4, s[2:3]", {0xbe841502}}, 0xffff7fffffffffff, 0, kHigh | 16, kUnchanged},
    {{"s_flbit_i32_i64 s4, s[2:3]", {0xbe841502}}, ~uint64_t{0}, 0, kHigh | 0xffffffff, kUnchanged},
    {{"s_flbit_i32_i64 s4, s[2:3]", {0xbe841502}}, 0, 0, kHigh | 0xffffffff, kUnchanged},
    {{"s_bitset0_b64 s[4:5], s2", {0xbe841902}}, 56 + 64, 0, 0x0023456789abcdef, kUnchanged},
    {{"s_bitset1_b32 s4, s2", {0xbe841a02}}, 4 + 32, 0, kHigh | 0x89abcdff, kUnchanged},
    {{"s_quadmask_b32 s4, s2", {0xbe842802}}, 0x80000010, 0, kHigh | 0x82, kOn},
    {{"s_quadmask_b32 s4, s2", {0xbe842802}}, 0, 0, kHigh, kOff},
    // SOPK
    {{"s_movk_i32 s4, 0x8000", {0xb0048000}}, 0, 0, kHigh | 0xffff8000, kUnchanged},
    {{"s_cmovk_i32 s4, 0x7", {0xb0840007}}, 0, 0, kHigh | 7, kUnchanged},
    {{"s_addk_i32 s4, 0xffff", {0xb704ffff}}, 0, 0, kHigh | 0x89abcdee, kOff},
    {{"s_mulk_i32 s4, 2", {0xb7840002}}, 0, 0, kHigh | 0x13579bde, kUnchanged},
    // SOPC
    {{"s_bitcmp0_b32 s2, s6", {0xbf0c0602}}, 4, 2, kOld, kOff},
    {{"s_bitcmp1_b64 s[2:3], s6", {0xbf0f0602}}, 0x400000000, 34, kOld, kOn},
    // Constants
    {{"s_add_u32 s4, s2, 0x12345678", {0x8004ff02, 0x12345678}}, 1, 0, kHigh | 0x12345679, kOff},
    {{"s_and_b64 s[4:5], s[2:3], -2", {0x8684c202}}, 3, 0, 2, kOn},
    {{"s_mov_b32 s4, src_scc", {0xbe8400fd}}, 0, 0, kHigh | 1, kUnchanged},
    {{"s_mov_b32 s4, src_execz", {0xbe8400fc}}, 0, 0, kHigh, kUnchanged},
    {{"s_mov_b32 s4, src_vccz", {0xbe8400fb}}, 0, 0, kHigh | 1, kUnchanged},
};

class Scalar : public testing::TestWithParam<ScalarCase> {};

TEST_P(Scalar, GivesTheExpectedResult) {
    const ScalarCase& c = GetParam();
    WaveBench bench;
    bench.wave->set_s64(2, c.a);
    bench.wave->set_s64(6, c.b);
    bench.wave->set_s64(4, kOld);
    bench.wave->scc = true;
    bench.run(c.line);
    EXPECT_EQ(bench.wave->s64(4), c.expected) << std::hex << bench.wave->s64(4);
    EXPECT_EQ(bench.wave->scc, c.scc != kOff);
    EXPECT_EQ(bench.decoded_size, c.line.words.size() * 4);
}

INSTANTIATE_TEST_SUITE_P(Table, Scalar, testing::ValuesIn(kScalarCases));

// These depend on SCC's earlier value.
struct ScalarCarryCase {
    Line line;
    uint32_t a, b;
    bool scc;
    uint32_t expected;
    bool scc_after;
};

TEST(ScalarCarry, TakesSccIn) {
    const ScalarCarryCase cases[] = {
        {{"s_addc_u32 s4, s2, s6", {0x82040602}}, 0xfffffffe, 1, false, 0xffffffff, false},
        {{"s_addc_u32 s4, s2, s6", {0x82040602}}, 0xfffffffe, 1, true, 0, true},
        {{"s_addc_u32 s4, s2, s6", {0x82040602}}, 0xffffffff, 0xffffffff, true, 0xffffffff, true},
        {{"s_subb_u32 s4, s2, s6", {0x82840602}}, 5, 5, false, 0, false},
        {{"s_subb_u32 s4, s2, s6", {0x82840602}}, 5, 5, true, 0xffffffff, true},
        {{"s_subb_u32 s4, s2, s6", {0x82840602}}, 0, 0xffffffff, true, 0, true},
        {{"s_cselect_b32 s4, s2, s6", {0x85040602}}, 5, 6, false, 6, false},
        {{"s_cmov_b32 s4, s2", {0xbe840202}}, 5, 6, false, 0x01234567, false},
        {{"s_cmov_b64 s[4:5], s[2:3]", {0xbe840302}}, 5, 6, false, 0x01234567, false},
        {{"s_cmovk_i32 s4, 0x7", {0xb0840007}}, 5, 6, false, 0x01234567, false},
        // SCC is added in no other way.
        {{"s_add_u32 s4, s2, s6", {0x80040602}}, 5, 6, true, 11, false},
        {{"s_sub_u32 s4, s2, s6", {0x80840602}}, 6, 5, true, 1, false},
    };
    for (const ScalarCarryCase& c : cases) {
        WaveBench bench;
        bench.wave->s[2] = c.a;
        bench.wave->s[6] = c.b;
        bench.wave->s[4] = 0x01234567;
        bench.wave->scc = c.scc;
        bench.run(c.line);
        EXPECT_EQ(bench.wave->s[4], c.expected) << c.line.text << " with SCC " << c.scc;
        EXPECT_EQ(bench.wave->scc, c.scc_after) << c.line.text << " with SCC " << c.scc;
    }
}

struct ExecCase {
    Line line;
    uint64_t exec;
    uint64_t result;  // s[4:5]
};

TEST(ScalarExec, SaveAndCombine) {
    // EXEC is 0b0011 before, s[2:3] 0b0101.
    const uint64_t all = ~uint64_t{0};
    const ExecCase cases[] = {
        {{"s_and_saveexec_b64 s[4:5], s[2:3]", {0xbe842002}}, 1, 3},
        {{"s_or_saveexec_b64 s[4:5], s[2:3]", {0xbe842102}}, 7, 3},
        {{"s_xor_saveexec_b64 s[4:5], s[2:3]", {0xbe842202}}, 6, 3},
        {{"s_andn2_saveexec_b64 s[4:5], s[2:3]", {0xbe842302}}, 4, 3},
        {{"s_orn2_saveexec_b64 s[4:5], s[2:3]", {0xbe842402}}, all & ~uint64_t{2}, 3},
        {{"s_nand_saveexec_b64 s[4:5], s[2:3]", {0xbe842502}}, all & ~uint64_t{1}, 3},
        {{"s_nor_saveexec_b64 s[4:5], s[2:3]", {0xbe842602}}, all & ~uint64_t{7}, 3},
        {{"s_xnor_saveexec_b64 s[4:5], s[2:3]", {0xbe842702}}, all & ~uint64_t{6}, 3},
        {{"s_andn1_saveexec_b64 s[4:5], s[2:3]", {0xbe843302}}, 2, 3},
        {{"s_orn1_saveexec_b64 s[4:5], s[2:3]", {0xbe843402}}, all & ~uint64_t{4}, 3},
        {{"s_andn1_wrexec_b64 s[4:5], s[2:3]", {0xbe843502}}, 2, 2},
        {{"s_andn2_wrexec_b64 s[4:5], s[2:3]", {0xbe843602}}, 4, 4},
    };
    for (const ExecCase& c : cases) {
        WaveBench bench;
        bench.wave->set_exec(3);
        bench.wave->set_s64(2, 5);
        bench.run(c.line);
        EXPECT_EQ(bench.wave->exec(), c.exec) << c.line.text;
        EXPECT_EQ(bench.wave->s64(4), c.result) << c.line.text;
        EXPECT_TRUE(bench.wave->scc);
    }
}

}  // namespace
}  // namespace simgpu::gfx9::test
