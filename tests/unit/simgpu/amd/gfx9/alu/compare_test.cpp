// VOPC: comparisons and classes.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <limits>
#include <map>
#include <string>

#include "tests/unit/simgpu/amd/gfx9/alu/relations.h"
#include "tests/unit/simgpu/amd/gfx9/decode/mnemonics.h"
#include "tests/unit/simgpu/amd/gfx9/shader_harness.h"

namespace simgpu::gfx9::test {
namespace {

// Eight numbers of a type, so that the 64 lanes compare each with each.
constexpr unsigned kCompareNumbers = 8;
struct CompareType {
    std::array<uint64_t, kCompareNumbers> bits;
    Order (*order)(unsigned i, unsigned j);
};

constexpr double kHalfNumbers[] = {-kInf, -2, -0.0, 0.0, 0x1p-24, 1.5, kInf, kNan};
constexpr float kFloatNumbers[] = {-kInf, -2, -0.0f, 0.0f, 0x1p-149f, 1.5f, kInf, kNan};
constexpr double kDoubleNumbers[] = {-kInf, -1 - 0x1p-40, -0.0, 0.0, 0x1p-1074, 1.5, kInf, kNan};
// Integers of all widths are the low bits of these.
constexpr uint64_t kIntegers[] = {0,
                                  1,
                                  0x7fff'ffff'7fff'7fff,
                                  0x8000'0000'8000'8000,
                                  ~uint64_t{0},
                                  ~uint64_t{1},
                                  0x1'0000'0001,
                                  0x8000'0000'0001'0001};

template <class T>
CompareType integers() {
    CompareType type{{}, [](unsigned i, unsigned j) {
                         return order_of(static_cast<T>(kIntegers[i]),
                                         static_cast<T>(kIntegers[j]));
                     }};
    std::ranges::copy(kIntegers, type.bits.begin());
    return type;
}
template <auto& kFloats>
CompareType floats() {
    using T = std::remove_cvref_t<decltype(kFloats[0])>;
    using Bits = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
    CompareType type{{}, [](unsigned i, unsigned j) { return order_of(kFloats[i], kFloats[j]); }};
    for (unsigned i = 0; i < kCompareNumbers; i++) type.bits[i] = std::bit_cast<Bits>(kFloats[i]);
    return type;
}
CompareType halves() {
    CompareType type = floats<kHalfNumbers>();
    // Bits above a half do not count.
    type.bits = {0x7c00fc00, 0xc000, 0x8000, 0x12340000, 1, 0x3e00, 0x7c00, 0x7e00};
    return type;
}

const std::map<std::string, CompareType> kTypes = {
    {"f16", halves()},
    {"f32", floats<kFloatNumbers>()},
    {"f64", floats<kDoubleNumbers>()},
    {"i16", integers<int16_t>()},
    {"u16", integers<uint16_t>()},
    {"i32", integers<int32_t>()},
    {"u32", integers<uint32_t>()},
    {"i64", integers<int64_t>()},
    {"u64", integers<uint64_t>()},
};

void set_lane64(WaveBench& bench, unsigned vgpr, unsigned lane, uint64_t value) {
    bench.wave->v[vgpr].lane[lane] = static_cast<uint32_t>(value);
    bench.wave->v[vgpr + 1].lane[lane] = static_cast<uint32_t>(value >> 32);
}

// "v_cmpx_le_f16_e32 vcc, ..." taken apart.
struct Comparison {
    explicit Comparison(const std::string& text) {
        const size_t first = text.find('_', 2), second = text.find('_', first + 1),
                     third = text.find('_', second + 1);
        sets_exec = text.substr(2, first - 2) == "cmpx";
        relation = text.substr(first + 1, second - first - 1);
        type = text.substr(second + 1, third - second - 1);
    }
    bool sets_exec;
    std::string relation, type;
};

// v[2:3] with v[4:5], whatever the second operand of the line is.
std::vector<uint32_t> with_second_source_v4(const Mnemonic& line) {
    return {(line.words.first & ~(0xffu << 9)) | 4u << 9};
}

TEST(Compare, EveryRelationOfEveryType) {
    unsigned compared = 0;
    for (const Mnemonic& line : kMnemonics) {
        const std::string text = line.text;
        if (!text.starts_with("v_cmp") || text.find("_class_") != std::string::npos) continue;
        const Comparison comparison(text);
        const CompareType& type = kTypes.at(comparison.type);
        constexpr uint64_t kExec = 0xffff'fff7'0fff'ff7f;
        WaveBench bench;
        uint64_t expected = 0;
        for (unsigned lane = 0; lane < kLanes; lane++) {
            const unsigned i = lane / kCompareNumbers, j = lane % kCompareNumbers;
            set_lane64(bench, 2, lane, type.bits[i]);
            set_lane64(bench, 4, lane, type.bits[j]);
            if (holds(comparison.relation, type.order(i, j))) expected |= uint64_t{1} << lane;
        }
        bench.wave->set_exec(kExec);
        bench.wave->set_s64(code::kVccLo, ~uint64_t{0});
        bench.run_words(with_second_source_v4(line));
        EXPECT_EQ(bench.wave->vcc(), expected & kExec) << text;
        EXPECT_EQ(bench.wave->exec(), comparison.sets_exec ? expected & kExec : kExec) << text;
        compared++;
    }
    EXPECT_EQ(compared, 2u * (3 * 16 + 6 * 8));  // VOPC of GFX9
}

TEST(Compare, TakesModifiersAndAnySgpr) {
    WaveBench bench;
    bench.fill(2, 0xc000);  // -2
    bench.fill(4, 0x3c00);  // 1
    bench.run({"v_cmp_lt_f16_e64 s[4:5], |v2|, v4", {0xd0210104, 0x00020902}});
    EXPECT_EQ(bench.wave->s64(4), 0u);
    bench.run({"v_cmp_lt_f16_e64 s[4:5], |v2|, -v4", {0xd0210104, 0x40020902}});
    EXPECT_EQ(bench.wave->s64(4), 0u);
    bench.fill64(2, std::bit_cast<uint64_t>(-2.0));
    bench.fill64(4, std::bit_cast<uint64_t>(1.0));
    bench.run({"v_cmp_lt_f64_e64 s[4:5], v[2:3], v[4:5]", {0xd0610004, 0x00020902}});
    EXPECT_EQ(bench.wave->s64(4), ~uint64_t{0});
    bench.run({"v_cmp_lt_f64_e64 s[4:5], -v[2:3], v[4:5]", {0xd0610004, 0x20020902}});
    EXPECT_EQ(bench.wave->s64(4), 0u);
    bench.run({"v_cmpx_le_f32_e64 s[4:5], 1.0, v9", {0xd0530004, 0x000212f2}});
    EXPECT_EQ(bench.wave->s64(4), 0u);
    EXPECT_EQ(bench.wave->exec(), 0u);
}

// One number of each class, by the bit that asks for it.
struct ClassCase {
    uint32_t half, single;
    uint64_t wide;
};
constexpr ClassCase kClasses[] = {
    {0x7d00, 0x7fa00000, 0x7ff4000000000000},  // signalling NaN
    {0x7e00, 0x7fc00000, 0x7ff8000000000000},  // quiet NaN
    {0xfc00, 0xff800000, 0xfff0000000000000},  // -infinity
    {0xbc00, 0xbf800000, 0xbff0000000000000},  // -normal
    {0x8001, 0x80000001, 0x8000000000000001},  // -denormal
    {0x8000, 0x80000000, 0x8000000000000000},  // -0
    {0x0000, 0x00000000, 0x0000000000000000},  // +0
    {0x03ff, 0x007fffff, 0x000fffffffffffff},  // +denormal
    {0x0400, 0x00800000, 0x0010000000000000},  // +normal
    {0x7c00, 0x7f800000, 0x7ff0000000000000},  // +infinity
};

TEST(Compare, ClassesOfNumbers) {
    const struct {
        Line line;
        uint64_t (*number)(const ClassCase&);
        bool sets_exec;
    } instructions[] = {
        {{"v_cmp_class_f16_e32 vcc, v2, v4", {0x7c280902}},
         [](auto& c) { return uint64_t{c.half}; },
         false},
        {{"v_cmpx_class_f16_e32 vcc, v2, v4", {0x7c2a0902}},
         [](auto& c) { return uint64_t{c.half}; },
         true},
        {{"v_cmp_class_f32_e32 vcc, v2, v4", {0x7c200902}},
         [](auto& c) { return uint64_t{c.single}; },
         false},
        {{"v_cmpx_class_f32_e32 vcc, v2, v4", {0x7c220902}},
         [](auto& c) { return uint64_t{c.single}; },
         true},
        {{"v_cmp_class_f64_e32 vcc, v[2:3], v4", {0x7c240902}},
         [](auto& c) { return c.wide; },
         false},
        {{"v_cmpx_class_f64_e32 vcc, v[2:3], v4", {0x7c260902}},
         [](auto& c) { return c.wide; },
         true},
    };
    for (const auto& [line, number, sets_exec] : instructions)
        for (unsigned own = 0; own < std::size(kClasses); own++) {
            // Lane i asks for class i, lane 32 + i for all others.
            WaveBench bench;
            bench.fill64(2, number(kClasses[own]));
            for (unsigned lane = 0; lane < kLanes; lane++)
                bench.wave->v[4].lane[lane] =
                    lane < 32 ? 1u << (lane & 31) : ~(1u << (lane & 31)) & 0x3ff;
            bench.run(line);
            const uint64_t self = uint64_t{1} << own;
            const uint64_t expected = self | (0xffff'ffff'0000'0000 & ~(self << 32));
            EXPECT_EQ(bench.wave->vcc(), expected) << line.text << " class " << own;
            EXPECT_EQ(bench.wave->exec(), sets_exec ? expected : ~uint64_t{0}) << line.text;
        }
}

}  // namespace
}  // namespace simgpu::gfx9::test
