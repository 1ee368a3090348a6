// SOPC and the comparisons of SOPK: what they leave in SCC.
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/simgpu/amd/gfx9/alu/relations.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

constexpr uint64_t kScalarCompareNumbers[] = {
    0,          1,          0xfffd,     0xfffe,     0xffff,      0x7fffffff,
    0x80000000, 0xfffffffd, 0xfffffffe, 0xffffffff, 0x10000fffe, uint64_t{1} << 63};

template <class T>
Order order32(uint64_t a, uint64_t b) {
    return order_of(static_cast<T>(a), static_cast<T>(b));
}
using Model = Order (*)(uint64_t a, uint64_t b);

// "s_cmp_le_u32 ..." says "le".
std::string relation_of(const Line& line) {
    const std::string text = line.text;
    const size_t start = text.find('_', 2) + 1;
    return text.substr(start, text.find('_', start) - start);
}

bool scc_after(const Line& line, uint64_t a, uint64_t b, bool before) {
    WaveBench bench;
    bench.wave->set_s64(2, a);
    bench.wave->set_s64(6, b);
    bench.wave->scc = before;
    bench.run(line);
    EXPECT_EQ(bench.wave->s64(2), a) << line.text;
    return bench.wave->scc;
}

TEST(ScalarCompare, OfRegisters) {
    const struct {
        Line line;
        Model order;
    } instructions[] = {
        {{"s_cmp_eq_i32 s2, s6", {0xbf000602}}, order32<int32_t>},
        {{"s_cmp_lg_i32 s2, s6", {0xbf010602}}, order32<int32_t>},
        {{"s_cmp_gt_i32 s2, s6", {0xbf020602}}, order32<int32_t>},
        {{"s_cmp_ge_i32 s2, s6", {0xbf030602}}, order32<int32_t>},
        {{"s_cmp_lt_i32 s2, s6", {0xbf040602}}, order32<int32_t>},
        {{"s_cmp_le_i32 s2, s6", {0xbf050602}}, order32<int32_t>},
        {{"s_cmp_eq_u32 s2, s6", {0xbf060602}}, order32<uint32_t>},
        {{"s_cmp_lg_u32 s2, s6", {0xbf070602}}, order32<uint32_t>},
        {{"s_cmp_gt_u32 s2, s6", {0xbf080602}}, order32<uint32_t>},
        {{"s_cmp_ge_u32 s2, s6", {0xbf090602}}, order32<uint32_t>},
        {{"s_cmp_lt_u32 s2, s6", {0xbf0a0602}}, order32<uint32_t>},
        {{"s_cmp_le_u32 s2, s6", {0xbf0b0602}}, order32<uint32_t>},
        {{"s_cmp_eq_u64 s[2:3], s[6:7]", {0xbf120602}}, order_of<uint64_t>},
        {{"s_cmp_lg_u64 s[2:3], s[6:7]", {0xbf130602}}, order_of<uint64_t>},
    };
    for (const auto& [line, order] : instructions)
        for (const uint64_t a : kScalarCompareNumbers)
            for (const uint64_t b : kScalarCompareNumbers)
                for (const bool before : {false, true})
                    EXPECT_EQ(scc_after(line, a, b, before), holds(relation_of(line), order(a, b)))
                        << line.text << " of " << std::hex << a << ", " << b;
}

// The immediate is extended as the comparison says: with its sign, or with zeros.
TEST(ScalarCompare, OfRegistersAndImmediates) {
    const struct {
        Line line;
        Model order;
        uint32_t immediate;
    } instructions[] = {
        {{"s_cmpk_eq_i32 s2, 0xfffe", {0xb102fffe}}, order32<int32_t>, 0xfffffffe},
        {{"s_cmpk_lg_i32 s2, 0xfffe", {0xb182fffe}}, order32<int32_t>, 0xfffffffe},
        {{"s_cmpk_gt_i32 s2, 0xfffe", {0xb202fffe}}, order32<int32_t>, 0xfffffffe},
        {{"s_cmpk_ge_i32 s2, 0xfffe", {0xb282fffe}}, order32<int32_t>, 0xfffffffe},
        {{"s_cmpk_lt_i32 s2, 0xfffe", {0xb302fffe}}, order32<int32_t>, 0xfffffffe},
        {{"s_cmpk_le_i32 s2, 0xfffe", {0xb382fffe}}, order32<int32_t>, 0xfffffffe},
        {{"s_cmpk_eq_u32 s2, 0xfffe", {0xb402fffe}}, order32<uint32_t>, 0xfffe},
        {{"s_cmpk_lg_u32 s2, 0xfffe", {0xb482fffe}}, order32<uint32_t>, 0xfffe},
        {{"s_cmpk_gt_u32 s2, 0xfffe", {0xb502fffe}}, order32<uint32_t>, 0xfffe},
        {{"s_cmpk_ge_u32 s2, 0xfffe", {0xb582fffe}}, order32<uint32_t>, 0xfffe},
        {{"s_cmpk_lt_u32 s2, 0xfffe", {0xb602fffe}}, order32<uint32_t>, 0xfffe},
        {{"s_cmpk_le_u32 s2, 0xfffe", {0xb682fffe}}, order32<uint32_t>, 0xfffe},
    };
    for (const auto& [line, order, immediate] : instructions)
        for (const uint64_t a : kScalarCompareNumbers)
            for (const bool before : {false, true})
                EXPECT_EQ(scc_after(line, a, 0, before),
                          holds(relation_of(line), order(a, immediate)))
                    << line.text << " of " << std::hex << a;
}

TEST(ScalarCompare, OfSingleBits) {
    const struct {
        Line line;
        unsigned bits;
        bool set;
    } instructions[] = {
        {{"s_bitcmp0_b32 s2, s6", {0xbf0c0602}}, 32, false},
        {{"s_bitcmp1_b32 s2, s6", {0xbf0d0602}}, 32, true},
        {{"s_bitcmp0_b64 s[2:3], s6", {0xbf0e0602}}, 64, false},
        {{"s_bitcmp1_b64 s[2:3], s6", {0xbf0f0602}}, 64, true},
    };
    constexpr uint64_t kValue = 0x8000'0001'7fff'fffe;
    for (const auto& [line, bits, set] : instructions)
        for (uint64_t position = 0; position < 128; position++) {
            const bool bit = kValue >> (position % bits) & 1;
            EXPECT_EQ(scc_after(line, kValue, position, position & 1), bit == set)
                << line.text << " of bit " << position;
        }
}

}  // namespace
}  // namespace simgpu::gfx9::test
