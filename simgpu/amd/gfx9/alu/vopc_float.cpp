// VOPC: floating-point comparisons and classification.
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/wave/float_math.h"

namespace simgpu::gfx9 {

namespace {

// A Half compares as the float it stands for.
inline float comparable(Half x) {
    return x;
}
inline float comparable(float x) {
    return x;
}
inline double comparable(double x) {
    return x;
}

enum Predicate { kF, kLt, kEq, kLe, kGt, kLg, kGe, kO, kPredicates };

template <class T, Predicate P>
inline bool holds(T left, T right) {
    const auto a = comparable(left), b = comparable(right);
    if constexpr (P == kLt) return a < b;
    if constexpr (P == kEq) return a == b;
    if constexpr (P == kLe) return a <= b;
    if constexpr (P == kGt) return a > b;
    if constexpr (P == kLg) return a < b || a > b;
    if constexpr (P == kGe) return a >= b;
    if constexpr (P == kO) return !is_nan(a) && !is_nan(b);
    return false;
}

// Opcodes 8..15 negate predicates 7, 6, ... 0: U is not O, NGE is not GE, ... TRU is not F.
constexpr const char* kFloatNames[2][16] = {
    {"v_cmp_f", "v_cmp_lt", "v_cmp_eq", "v_cmp_le", "v_cmp_gt", "v_cmp_lg", "v_cmp_ge", "v_cmp_o",
     "v_cmp_u", "v_cmp_nge", "v_cmp_nlg", "v_cmp_ngt", "v_cmp_nle", "v_cmp_neq", "v_cmp_nlt",
     "v_cmp_tru"},
    {"v_cmpx_f", "v_cmpx_lt", "v_cmpx_eq", "v_cmpx_le", "v_cmpx_gt", "v_cmpx_lg", "v_cmpx_ge",
     "v_cmpx_o", "v_cmpx_u", "v_cmpx_nge", "v_cmpx_nlg", "v_cmpx_ngt", "v_cmpx_nle", "v_cmpx_neq",
     "v_cmpx_nlt", "v_cmpx_tru"}};
constexpr unsigned kNegated[] = {15, 14, 13, 12, 11, 10, 9, 8};

struct FloatTable {
    ValuOp ops[3 * 32 + 6];
};

template <class T, Predicate P>
constexpr void add_predicate(FloatTable& table, unsigned& n, unsigned base) {
    for (unsigned sets_exec = 0; sets_exec < 2; sets_exec++) {
        const unsigned positive = P, negative = kNegated[P], step = 16 * sets_exec;
        table.ops[n++] =
            lanes(static_cast<uint16_t>(base + step + positive), kFloatNames[sets_exec][positive],
                  [](T a, T b) { return holds<T, P>(a, b); });
        table.ops[n++] =
            lanes(static_cast<uint16_t>(base + step + negative), kFloatNames[sets_exec][negative],
                  [](T a, T b) { return !holds<T, P>(a, b); });
    }
}

template <class T>
constexpr void add_type(FloatTable& table, unsigned& n, unsigned base) {
    add_predicate<T, kF>(table, n, base);
    add_predicate<T, kLt>(table, n, base);
    add_predicate<T, kEq>(table, n, base);
    add_predicate<T, kLe>(table, n, base);
    add_predicate<T, kGt>(table, n, base);
    add_predicate<T, kLg>(table, n, base);
    add_predicate<T, kGe>(table, n, base);
    add_predicate<T, kO>(table, n, base);
}

// The ten classes of V_CMP_CLASS (Vega ISA): signalling NaN, quiet NaN, then from negative
// infinity up to positive infinity: -inf, -normal, -denormal, -0, +0, +denormal, +normal, +inf.
template <class U, unsigned MantissaBits>
inline uint32_t class_of(U bits) {
    constexpr unsigned kBits = sizeof(U) * 8;
    constexpr U kMantissa = static_cast<U>((U{1} << MantissaBits) - 1u);
    constexpr U kExponent = static_cast<U>((U{1} << (kBits - 1)) - 1u - kMantissa);
    const auto mantissa = static_cast<U>(bits & kMantissa);
    const auto exponent = static_cast<U>(bits & kExponent);
    if (exponent == kExponent && mantissa)
        return (mantissa >> (MantissaBits - 1)) & 1 ? 1u << 1 : 1u << 0;
    const bool negative = (bits >> (kBits - 1)) & 1;
    unsigned magnitude = 2;  // 0 zero, 1 denormal, 2 normal, 3 infinite
    if (exponent == kExponent)
        magnitude = 3;
    else if (exponent == 0)
        magnitude = mantissa ? 1 : 0;
    return negative ? 1u << (5 - magnitude) : 1u << (6 + magnitude);
}

template <unsigned SetsExec>
constexpr void add_class(FloatTable& table, unsigned& n) {
    table.ops[n++] =
        lanes(0x10 + SetsExec, SetsExec ? "v_cmpx_class_f32" : "v_cmp_class_f32",
              [](float a, uint32_t classes) {
                  return (class_of<uint32_t, 23>(std::bit_cast<uint32_t>(a)) & classes) != 0;
              });
    table.ops[n++] =
        lanes(0x12 + SetsExec, SetsExec ? "v_cmpx_class_f64" : "v_cmp_class_f64",
              [](double a, uint32_t classes) {
                  return (class_of<uint64_t, 52>(std::bit_cast<uint64_t>(a)) & classes) != 0;
              });
    table.ops[n++] = lanes(
        0x14 + SetsExec, SetsExec ? "v_cmpx_class_f16" : "v_cmp_class_f16",
        [](Half a, uint32_t classes) { return (class_of<uint16_t, 10>(a.bits) & classes) != 0; });
}

constexpr FloatTable make_float_table() {
    FloatTable table;
    unsigned n = 0;
    add_type<Half>(table, n, 0x20);
    add_type<float>(table, n, 0x40);
    add_type<double>(table, n, 0x60);
    add_class<0>(table, n);
    add_class<1>(table, n);
    return table;
}

constexpr FloatTable kFloatTable = make_float_table();

}  // namespace

ValuTable vopc_float_ops() {
    return kFloatTable.ops;
}

}  // namespace simgpu::gfx9
