// The steps of a correctly rounded division: V_DIV_SCALE, V_DIV_FMAS, V_DIV_FIXUP (Vega ISA).
//
// DIV_SCALE moves numerator and denominator away from where the Newton steps would lose bits, and
// sets VCC if the quotient must be scaled back; DIV_FMAS does the last step and scales back;
// DIV_FIXUP puts in the special cases.
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/wave/float_math.h"

namespace simgpu::gfx9 {

namespace {

template <class T>
struct Format;
template <>
struct Format<float> {
    using Bits = uint32_t;
    static constexpr int kMantissaBits = 23, kExponentMask = 0xff, kBias = 127;
    static constexpr int kFar = 96;    // N/D may overflow when the exponents differ by this
    static constexpr int kScale = 64;  // operands are scaled by 2^64
    static constexpr int kTiny = 23;   // numerators with a biased exponent up to this
    static constexpr int kMinNormal = -126;
    static constexpr int kUnderflow = -150;
};
template <>
struct Format<double> {
    using Bits = uint64_t;
    static constexpr int kMantissaBits = 52, kExponentMask = 0x7ff, kBias = 1023;
    static constexpr int kFar = 768;
    static constexpr int kScale = 128;
    static constexpr int kTiny = 53;
    static constexpr int kMinNormal = -1022;
    static constexpr int kUnderflow = -1075;
};

template <class T>
int biased_exponent(T x) {
    const auto bits = std::bit_cast<typename Format<T>::Bits>(x);
    return static_cast<int>(bits >> Format<T>::kMantissaBits) & Format<T>::kExponentMask;
}

// Whether n/d is too small for a normal number. From the exponents, as the host may flush.
template <class T>
bool quotient_is_denormal(T n, T d) {
    int n_exponent = 0, d_exponent = 0;
    const T n_mantissa = std::frexp(n, &n_exponent), d_mantissa = std::frexp(d, &d_exponent);
    const bool below_one = std::fabs(n_mantissa) < std::fabs(d_mantissa);
    return n_exponent - d_exponent - (below_one ? 1 : 0) < Format<T>::kMinNormal;
}

template <class T>
WithMask<T> div_scale(T x, T denominator, T numerator) {
    using F = Format<T>;
    if (numerator == 0 || denominator == 0) return {std::numeric_limits<T>::quiet_NaN(), false};
    if (!is_finite(numerator) || !is_finite(denominator)) return {x, false};
    if (biased_exponent(numerator) - biased_exponent(denominator) >= F::kFar)
        return {x == denominator ? std::ldexp(x, F::kScale) : x, true};
    if (biased_exponent(denominator) == 0) return {std::ldexp(x, F::kScale), false};
    const bool tiny_quotient = quotient_is_denormal(numerator, denominator);
    if (quotient_is_denormal(T{1}, denominator)) {
        if (!tiny_quotient) return {std::ldexp(x, -F::kScale), false};
        return {x == denominator ? std::ldexp(x, -F::kScale) : x, true};
    }
    if (tiny_quotient) return {x == numerator ? std::ldexp(x, F::kScale) : x, true};
    if (biased_exponent(numerator) <= F::kTiny) return {std::ldexp(x, F::kScale), false};
    return {x, false};
}

bool rounds_to_nearest() {
    return kOpaqueOne + 0x1p-25f == 1.0f && kOpaqueOne - 0x1p-26f == 1.0f;
}

// a * b + c, scaled down and rounded once. Among the denormals scaling rounds again; where that is
// a tie, what the multiply-add dropped decides. `c` is close to the result, so that their
// difference is exact.
template <class T>
T multiply_add_scaled_down(T a, T b, T c) {
    using F = Format<T>;
    const T result = std::fma(a, b, c);
    const T scaled = std::ldexp(result, -F::kScale);
    const T lost = result - std::ldexp(scaled, F::kScale);
    const T half_step = std::ldexp(T{1}, F::kMinNormal - F::kMantissaBits + F::kScale - 1);
    if (std::fabs(lost) != half_step || !rounds_to_nearest()) return scaled;
    const T dropped = std::fma(a, b, c - result);
    if (dropped == 0) return scaled;
    const T direction = std::copysign(std::numeric_limits<T>::infinity(), dropped);
    return std::ldexp(std::nextafter(result, direction), -F::kScale);
}

template <class T>
T div_fmas(T a, T b, T c, bool scaled) {
    using F = Format<T>;
    if (!scaled) return std::fma(a, b, c);
    // The estimate in `c` shows which way the quotient was scaled.
    if (biased_exponent(c) > F::kBias) return std::ldexp(std::fma(a, b, c), F::kScale);
    return multiply_add_scaled_down(a, b, c);
}

template <class T>
T div_fixup(T quotient, T denominator, T numerator) {
    using F = Format<T>;
    const T sign = std::copysign(T{1}, denominator) * std::copysign(T{1}, numerator);
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    if (is_nan(numerator)) return numerator + numerator;
    if (is_nan(denominator)) return denominator + denominator;
    const bool infinite_n = !is_finite(numerator), infinite_d = !is_finite(denominator);
    if ((numerator == 0 && denominator == 0) || (infinite_n && infinite_d))
        return -std::numeric_limits<T>::quiet_NaN();
    if (denominator == 0 || infinite_n) return std::copysign(kInfinity, sign);
    if (infinite_d || numerator == 0) return std::copysign(T{0}, sign);
    if (biased_exponent(numerator) - biased_exponent(denominator) < F::kUnderflow)
        return std::copysign(T{0}, sign);
    // A quotient beyond the format came out infinite or NaN from the steps before.
    if (is_nan(quotient)) return std::copysign(kInfinity, sign);
    return std::copysign(quotient, sign);
}

Half div_fixup_half(Half quotient, Half denominator, Half numerator) {
    const float q = quotient, d = denominator, n = numerator;
    const float sign = std::copysign(1.0f, d) * std::copysign(1.0f, n);
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    if (is_nan(n)) return n;
    if (is_nan(d)) return d;
    if ((n == 0 && d == 0) || (!is_finite(n) && !is_finite(d)))
        return -std::numeric_limits<float>::quiet_NaN();
    if (d == 0 || !is_finite(n)) return std::copysign(kInfinity, sign);
    if (!is_finite(d) || n == 0) return std::copysign(0.0f, sign);
    return std::copysign(q, sign);
}

constexpr ValuOp kVop3DivisionOps[] = {
    lanes(0x1de, "v_div_fixup_f32", [](float a, float b, float c) { return div_fixup(a, b, c); }),
    lanes(0x1df, "v_div_fixup_f64",
          [](double a, double b, double c) { return div_fixup(a, b, c); }),
    lanes(0x1e0, "v_div_scale_f32", [](float a, float b, float c) { return div_scale(a, b, c); }),
    lanes(0x1e1, "v_div_scale_f64",
          [](double a, double b, double c) { return div_scale(a, b, c); }),
    lanes(0x1e2, "v_div_fmas_f32",
          [](float a, float b, float c, MaskBit m) { return div_fmas(a, b, c, m.set); })
        .with(ValuOp::kImplicitVcc),
    lanes(0x1e3, "v_div_fmas_f64",
          [](double a, double b, double c, MaskBit m) { return div_fmas(a, b, c, m.set); })
        .with(ValuOp::kImplicitVcc),
    lanes(0x1ef, "v_div_fixup_legacy_f16",
          [](Half a, Half b, Half c) { return div_fixup_half(a, b, c); }),
    lanes(0x207, "v_div_fixup_f16", [](Half a, Half b, Half c) { return div_fixup_half(a, b, c); })
        .with(ValuOp::kKeepsHigh),
};

}  // namespace

ValuTable vop3_division_ops() {
    return kVop3DivisionOps;
}

}  // namespace simgpu::gfx9
