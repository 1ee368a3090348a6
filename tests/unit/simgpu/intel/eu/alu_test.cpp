// Each ALU instruction against the CPU.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "simgpu/intel/eu/alu/alu.h"
#include "tests/unit/simgpu/intel/eu/eu_test.h"

namespace simgpu::intel::eu {

namespace {

using Row8 = std::array<uint32_t, kChannels>;
using Reference = std::function<uint32_t(uint32_t, uint32_t, uint32_t)>;

uint32_t bits(float value) {
    return std::bit_cast<uint32_t>(value);
}
float number(uint32_t value) {
    return std::bit_cast<float>(value);
}
int32_t as_signed(uint32_t value) {
    return static_cast<int32_t>(value);
}

constexpr Row8 kIntegersA = {0, 1, 7, 0x7fffffff, 0x80000000, 0xffffffff, 0x12345678, 0x00ff00f0};
constexpr Row8 kIntegersB = {3, 0xffffffff, 31, 1, 2, 0x80000000, 5, 12};
constexpr Row8 kIntegersC = {0xf0f0f0f0, 1, 0, 0xffffffff, 0x80000001, 9, 0xdeadbeef, 77};
const Row8 kFloatsA = {bits(0.0f),  bits(1.5f), bits(-2.25f), bits(1e20f),
                       bits(-0.5f), bits(2.5f), bits(3.5f),   bits(-7.75f)};
const Row8 kFloatsB = {bits(1.0f),  bits(-3.0f), bits(0.125f), bits(1e20f),
                       bits(-0.0f), bits(2.5f),  bits(-3.5f),  bits(4.0f)};
const Row8 kFloatsC = {bits(1.0f), bits(1.0f),  bits(-1.0f), bits(0.0f),
                       bits(8.0f), bits(-9.0f), bits(0.5f),  bits(100.0f)};

struct AluCase {
    const char* name;
    uint8_t opcode;
    unsigned sources;
    Type type;
    Reference reference;
    Control control{};
};

void PrintTo(const AluCase& c, std::ostream* out) {
    *out << c.name;
}

class AluTest : public EuTest, public testing::WithParamInterface<AluCase> {};

TEST_P(AluTest, EqualsTheCpu) {
    const AluCase& c = GetParam();
    ASSERT_NE(find_alu_op(c.opcode), nullptr);
    const bool floats = is_float(c.type);
    const Row8& a = floats ? kFloatsA : kIntegersA;
    const Row8& b = floats ? kFloatsB : kIntegersB;
    const Row8& third = floats ? kFloatsC : kIntegersC;
    const Reg dst = r(kResult, c.type);
    Words code;
    if (c.sources == 1)
        code = op1(c.opcode, dst, r(1, c.type), c.control);
    else if (c.sources == 2)
        code = op2(c.opcode, dst, r(1, c.type), r(2, c.type), c.control);
    else
        code = op3(c.opcode, dst, r(1, c.type), r(2, c.type), r(3, c.type), c.control);
    ASSERT_TRUE(is_done(run_code({code}, concat({a, b, third}))));
    for (unsigned i = 0; i < kChannels; i++)
        EXPECT_EQ(result(i), c.reference(a[i], b[i], third[i]))
            << "channel " << i << ": " << std::hex << a[i] << ' ' << b[i] << ' ' << third[i];
}

uint32_t extract(uint32_t width, uint32_t offset, uint32_t data) {
    width &= 31, offset &= 31;
    if (width == 0) return 0;
    return static_cast<uint32_t>(uint64_t{data} >> offset & ((uint64_t{1} << width) - 1));
}

const AluCase kCases[] = {
    {"mov", 0x61, 1, Type::kUD, [](auto a, auto, auto) { return a; }},
    {"mov_f", 0x61, 1, Type::kF, [](auto a, auto, auto) { return a; }},
    {"not", 0x64, 1, Type::kUD, [](auto a, auto, auto) { return ~a; }},
    {"and", 0x65, 2, Type::kUD, [](auto a, auto b, auto) { return a & b; }},
    {"or", 0x66, 2, Type::kUD, [](auto a, auto b, auto) { return a | b; }},
    {"xor", 0x67, 2, Type::kD, [](auto a, auto b, auto) { return a ^ b; }},
    {"shr", 0x68, 2, Type::kUD, [](auto a, auto b, auto) { return a >> (b & 31); }},
    {"shl", 0x69, 2, Type::kD, [](auto a, auto b, auto) { return a << (b & 31); }},
    {"asr", 0x6c, 2, Type::kD,
     [](auto a, auto b, auto) { return static_cast<uint32_t>(as_signed(a) >> (b & 31)); }},
    {"ror", 0x6e, 2, Type::kUD,
     [](auto a, auto b, auto) { return std::rotr(a, static_cast<int>(b & 31)); }},
    {"rol", 0x6f, 2, Type::kUD,
     [](auto a, auto b, auto) { return std::rotl(a, static_cast<int>(b & 31)); }},
    {"bfrev", 0x77, 1, Type::kUD,
     [](auto a, auto, auto) {
         uint32_t reversed = 0;
         for (unsigned i = 0; i < 32; i++) reversed = reversed << 1 | (a >> i & 1);
         return reversed;
     }},
    {"bfe", 0x78, 3, Type::kUD, [](auto a, auto b, auto c) { return extract(a, b, c); }},
    {"bfi1", 0x79, 2, Type::kUD,
     [](auto a, auto b, auto) { return ((1u << (a & 31)) - 1) << (b & 31); }},
    {"bfi2", 0x7a, 3, Type::kUD, [](auto a, auto b, auto c) { return (a & b) | (~a & c); }},
    {"lzd", 0x4a, 1, Type::kUD,
     [](auto a, auto, auto) { return static_cast<uint32_t>(std::countl_zero(a)); }},
    {"fbh", 0x4b, 1, Type::kD,
     [](auto a, auto, auto) {
         const uint32_t x = a >> 31 ? ~a : a;
         return x ? static_cast<uint32_t>(std::countl_zero(x)) : ~0u;
     }},
    {"fbl", 0x4c, 1, Type::kUD,
     [](auto a, auto, auto) { return a ? static_cast<uint32_t>(std::countr_zero(a)) : ~0u; }},
    {"cbit", 0x4d, 1, Type::kUD,
     [](auto a, auto, auto) { return static_cast<uint32_t>(std::popcount(a)); }},
    {"add", 0x40, 2, Type::kD, [](auto a, auto b, auto) { return a + b; }},
    {"add_sat_d",
     0x40,
     2,
     Type::kD,
     [](auto a, auto b, auto) {
         const int64_t sum = int64_t{as_signed(a)} + as_signed(b);
         return static_cast<uint32_t>(std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX));
     },
     {.saturate = true}},
    {"add_sat_ud",
     0x40,
     2,
     Type::kUD,
     [](auto a, auto b, auto) {
         return static_cast<uint32_t>(std::min<uint64_t>(uint64_t{a} + b, UINT32_MAX));
     },
     {.saturate = true}},
    {"add_f", 0x40, 2, Type::kF, [](auto a, auto b, auto) { return bits(number(a) + number(b)); }},
    {"mul", 0x41, 2, Type::kUD, [](auto a, auto b, auto) { return a * b; }},
    {"mul_f", 0x41, 2, Type::kF, [](auto a, auto b, auto) { return bits(number(a) * number(b)); }},
    {"mul_f_sat",
     0x41,
     2,
     Type::kF,
     [](auto a, auto b, auto) {
         const float product = number(a) * number(b);
         return bits(product > 0 ? std::min(product, 1.0f) : 0.0f);
     },
     {.saturate = true}},
    {"avg", 0x42, 2, Type::kD,
     [](auto a, auto b, auto) {
         return static_cast<uint32_t>((int64_t{as_signed(a)} + as_signed(b) + 1) >> 1);
     }},
    {"frc", 0x43, 1, Type::kF,
     [](auto a, auto, auto) { return bits(number(a) - std::floor(number(a))); }},
    {"rndu", 0x44, 1, Type::kF, [](auto a, auto, auto) { return bits(std::ceil(number(a))); }},
    {"rndd", 0x45, 1, Type::kF, [](auto a, auto, auto) { return bits(std::floor(number(a))); }},
    {"rnde", 0x46, 1, Type::kF, [](auto a, auto, auto) { return bits(std::nearbyint(number(a))); }},
    {"rndz", 0x47, 1, Type::kF, [](auto a, auto, auto) { return bits(std::trunc(number(a))); }},
    {"add3", 0x52, 3, Type::kD, [](auto a, auto b, auto c) { return a + b + c; }},
    {"dp4a", 0x58, 3, Type::kUD,
     [](auto a, auto b, auto c) {
         for (unsigned i = 0; i < 32; i += 8) a += (b >> i & 255) * (c >> i & 255);
         return a;
     }},
    {"mad", 0x5b, 3, Type::kD, [](auto a, auto b, auto c) { return a + b * c; }},
    {"mad_f", 0x5b, 3, Type::kF,
     [](auto a, auto b, auto c) { return bits(std::fma(number(b), number(c), number(a))); }},
    {"sel_ge",
     0x62,
     2,
     Type::kD,
     [](auto a, auto b, auto) {
         return static_cast<uint32_t>(std::max(as_signed(a), as_signed(b)));
     },
     {.condition = 4}},
    {"sel_l_f",
     0x62,
     2,
     Type::kF,
     [](auto a, auto b, auto) { return number(a) < number(b) ? a : b; },
     {.condition = 5}},
    {"cmp_l",
     0x70,
     2,
     Type::kD,
     [](auto a, auto b, auto) { return as_signed(a) < as_signed(b) ? ~0u : 0u; },
     {.condition = 5}},
    {"cmp_nz_f",
     0x70,
     2,
     Type::kF,
     [](auto a, auto b, auto) { return number(a) != number(b) ? ~0u : 0u; },
     {.condition = 2}},
    {"cmpn_ge",
     0x71,
     2,
     Type::kUD,
     [](auto a, auto b, auto) { return a >= b ? ~0u : 0u; },
     {.condition = 4}},
    {"csel",
     0x72,
     3,
     Type::kF,
     [](auto a, auto b, auto c) { return number(c) > 0 ? a : b; },
     {.condition = 3}},
    {"inv",
     0x38,
     1,
     Type::kF,
     [](auto a, auto, auto) { return bits(1 / number(a)); },
     {.condition = 1}},
    {"idiv", 0x38, 2, Type::kUD, [](auto a, auto b, auto) { return a / b; }, {.condition = 12}},
    {"irem", 0x38, 2, Type::kUD, [](auto a, auto b, auto) { return a % b; }, {.condition = 13}},
};

INSTANTIATE_TEST_SUITE_P(Eu, AluTest, testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

using OperandTest = EuTest;

TEST_F(OperandTest, HighHalfOfAProduct) {
    // mul acc, a, b; mach dst, a, b.
    const std::vector<Words> code = {
        op2(0x41, accumulator(Type::kUD), r(1), r(2)),
        op2(0x49, r(kResult), r(1), r(2)),
    };
    ASSERT_TRUE(is_done(run_code(code, concat({kIntegersA, kIntegersB}))));
    for (unsigned i = 0; i < kChannels; i++)
        EXPECT_EQ(result(i), uint64_t{kIntegersA[i]} * kIntegersB[i] >> 32) << i;
}

TEST_F(OperandTest, CarryGoesToTheAccumulator) {
    const std::vector<Words> code = {
        op2(0x4e, r(11), r(1), r(2)),
        op1(0x61, r(kResult), accumulator(Type::kUD)),
    };
    ASSERT_TRUE(is_done(run_code(code, concat({kIntegersA, kIntegersB}))));
    for (unsigned i = 0; i < kChannels; i++)
        EXPECT_EQ(result(i), (uint64_t{kIntegersA[i]} + kIntegersB[i]) >> 32) << i;
}

TEST_F(OperandTest, NegationOfLogicInvertsBits) {
    ASSERT_TRUE(is_done(
        run_code({op2(0x65, r(kResult), negated(r(1)), r(2))}, concat({kIntegersA, kIntegersB}))));
    for (unsigned i = 0; i < kChannels; i++)
        EXPECT_EQ(result(i), ~kIntegersA[i] & kIntegersB[i]) << i;
}

TEST_F(OperandTest, AbsoluteThenNegated) {
    ASSERT_TRUE(is_done(run_code(
        {op1(0x61, r(kResult, Type::kF), negated(absolute(r(1, Type::kF))))}, concat({kFloatsA}))));
    for (unsigned i = 0; i < kChannels; i++)
        EXPECT_EQ(result(i), bits(-std::fabs(number(kFloatsA[i])))) << i;
}

TEST_F(OperandTest, RegionsReadWordsAndScalars) {
    // <16;8,2> of words: every other one.
    Reg words = r(1, Type::kW);
    words.vertical = 16;
    words.horizontal = 2;
    ASSERT_TRUE(is_done(run_code({op2(0x40, r(kResult, Type::kD), words, scalar(2, Type::kD, 8))},
                                 concat({kIntegersA, kIntegersB}))));
    for (unsigned i = 0; i < kChannels; i++)
        EXPECT_EQ(as_signed(result(i)),
                  static_cast<int16_t>(kIntegersA[i]) + as_signed(kIntegersB[2]))
            << i;
}

TEST_F(OperandTest, FloatsConvertToIntegersTowardsZero) {
    ASSERT_TRUE(
        is_done(run_code({op1(0x61, r(kResult, Type::kD), r(1, Type::kF))}, concat({kFloatsA}))));
    const int32_t expected[] = {0, 1, -2, INT32_MAX, 0, 2, 3, -7};
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(as_signed(result(i)), expected[i]) << i;
}

TEST_F(OperandTest, HalvesRoundToNearest) {
    const Row8 values = {bits(1.0f),     bits(65504.0f), bits(65519.0f), bits(65520.0f),
                         bits(0x1p-24f), bits(0x1p-25f), bits(-0.1f),    bits(2049.0f)};
    // To halves in every other word, as dwords with a cleared upper half.
    Reg half = r(kResult, Type::kHF);
    half.horizontal = 2;
    const std::vector<Words> code = {mov_imm(r(kResult), Type::kUD, 0),
                                     op1(0x61, half, r(1, Type::kF))};
    ASSERT_TRUE(is_done(run_code(code, concat({values}), {})));
    const uint32_t expected[] = {0x3c00, 0x7bff, 0x7bff, 0x7c00, 0x0001, 0x0000, 0xae66, 0x6800};
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), expected[i]) << i;
}

TEST_F(OperandTest, NullIsAZeroOfAnyType) {
    ASSERT_TRUE(is_done(
        run_code({op2(0x40, r(kResult, Type::kF), r(1, Type::kF), null())}, concat({kFloatsA}))));
    for (unsigned i = 0; i < kChannels; i++) EXPECT_EQ(result(i), kFloatsA[i]) << i;
}

struct BadCode {
    const char* name;
    Words code;
    const char* report;
};
class BadCodeTest : public EuTest, public testing::WithParamInterface<BadCode> {};

TEST_P(BadCodeTest, EndsTheJobWithAReport) {
    const JobOutcome outcome = run_code({GetParam().code}, {});
    EXPECT_EQ(outcome.kind, JobOutcome::Kind::kBadShader);
    EXPECT_THAT(outcome.report, testing::HasSubstr(GetParam().report));
    EXPECT_THAT(outcome.report, testing::HasSubstr("at 0x100000"));
}

INSTANTIATE_TEST_SUITE_P(
    Eu, BadCodeTest,
    testing::Values(
        BadCode{"opcode", op1(0x0f, r(10), r(1)), "opcode 0x0f is not simulated"},
        BadCode{"boolean_function", op3(0x6b, r(10), r(1), r(2), r(3)),
                "opcode 0x6b is not simulated"},
        BadCode{"qwords", op1(0x61, r(10, Type::kQ), r(1, Type::kQ)), "type 7 does not exist"},
        BadCode{"mixed", op2(0x40, r(10, Type::kF), r(1, Type::kF), r(2)), "integer and float"},
        BadCode{"beyond", op1(0x61, r(127), r(1), {.channels = 16}), "reaches byte"},
        BadCode{"misaligned", op1(0x61, r(10), {.number = 1, .type = Type::kUD, .byte = 2}),
                "not aligned"},
        BadCode{"message", send(null(), {.sfid = 6, .descriptor = 1u << 25, .payload = 1}),
                "is not simulated"},
        BadCode{"carry_of_floats", op2(0x4e, r(10), r(1, Type::kF), r(2, Type::kF)),
                "operand types that this operation does not support"},
        BadCode{"vector",
                op3(0x5b, r(10, Type::kVF), r(1, Type::kF), r(2, Type::kF), r(3, Type::kF)),
                "destination of a vector type"},
        BadCode{"sync", sync(0x7), "sync function"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(AluTable, EachInstructionHasATest) {
    const auto tested = [](uint8_t opcode) {
        // mach, addc, bfn and mac's like are in tests of their own.
        constexpr uint8_t kElsewhere[] = {0x48, 0x49, 0x4e, 0x4f, 0x6b};
        return std::ranges::find(kElsewhere, opcode) != std::end(kElsewhere) ||
               std::ranges::find(kCases, opcode, &AluCase::opcode) != std::end(kCases);
    };
    for (unsigned opcode = 0; opcode < 128; opcode++) {
        const AluOp* op = find_alu_op(static_cast<uint8_t>(opcode));
        EXPECT_TRUE(op == nullptr || tested(op->opcode)) << op->name;
    }
}

}  // namespace

}  // namespace simgpu::intel::eu
