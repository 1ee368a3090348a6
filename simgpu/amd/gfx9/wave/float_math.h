// Scalar floating-point helpers of the vector ALU tables. They assume the host's rounding mode
// and denormal controls are already those of the instruction (fp_environment.h).
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace simgpu::gfx9 {

/// 1, read at start-up, so that the compiler cannot know it: multiplying by it canonicalises
/// (quiets NaNs and flushes denormals if the mode says so) instead of being optimised away.
extern const float kOpaqueOne;

template <class T>
inline bool is_nan(T x) {
    return x != x;
}

/// The bits of two equal numbers combined: they differ in the sign of zero only.
template <class T>
inline T either_sign(T a, T b) {
    using U = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
    return std::bit_cast<T>(std::bit_cast<U>(a) | std::bit_cast<U>(b));
}
template <class T>
inline T both_signs(T a, T b) {
    using U = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
    return std::bit_cast<T>(std::bit_cast<U>(a) & std::bit_cast<U>(b));
}

/// IEEE minNum and maxNum: a number wins over NaN, and -0 is less than +0.
template <class T>
inline T min_num(T a, T b) {
    const T less = (a < b || is_nan(b)) ? a : b;
    return a == b ? either_sign(a, b) : less;
}
template <class T>
inline T max_num(T a, T b) {
    const T greater = (a > b || is_nan(b)) ? a : b;
    return a == b ? both_signs(a, b) : greater;
}
template <class T>
inline T min3(T a, T b, T c) {
    return min_num(min_num(a, b), c);
}
template <class T>
inline T max3(T a, T b, T c) {
    return max_num(max_num(a, b), c);
}
template <class T>
inline T median(T a, T b, T c) {
    if (is_nan(a) || is_nan(b) || is_nan(c)) return min3(a, b, c);
    return max_num(min_num(a, b), min_num(max_num(a, b), c));
}

// Rounding to integers by way of int32_t, which vectorises; numbers of 2^23 and more are whole.
inline float truncate(float x) {
    const bool small = std::fabs(x) < 0x1p23f;
    const auto whole = static_cast<float>(static_cast<int32_t>(small ? x : 0.0f));
    return small ? std::copysign(whole, x) : x;
}
inline float round_down(float x) {
    const float whole = truncate(x);
    return whole > x ? whole - 1.0f : whole;
}
inline float round_up(float x) {
    const float whole = truncate(x);
    return whole < x ? std::copysign(whole + 1.0f, x) : whole;
}
inline float round_even(float x) {
    return __builtin_roundevenf(x);
}
inline double truncate(double x) {
    return std::trunc(x);
}
inline double round_down(double x) {
    return std::floor(x);
}
inline double round_up(double x) {
    return std::ceil(x);
}
inline double round_even(double x) {
    return __builtin_roundeven(x);
}

/// x - floor(x), kept below 1 where it would round up to it.
inline float fraction(float x) {
    const float rest = x - round_down(x);
    return rest > 0x1.fffffep-1f ? 0x1.fffffep-1f : rest;
}
inline double fraction(double x) {
    const double rest = x - round_down(x);
    return rest > 0x1.fffffffffffffp-1 ? 0x1.fffffffffffffp-1 : rest;
}

/// Float to integer, rounding towards zero and saturating; NaN is 0.
template <class To, class From>
inline To saturating_cast(From x) {
    constexpr From kLow = static_cast<From>(std::numeric_limits<To>::min());
    // One more than the largest value, which a float may be unable to hold.
    constexpr From kHigh = static_cast<From>(std::numeric_limits<To>::max() / 2 + 1) * 2;
    if (is_nan(x)) return 0;
    if (x < kLow) return std::numeric_limits<To>::min();
    if (x >= kHigh) return std::numeric_limits<To>::max();
    return static_cast<To>(x);
}

/// V_SIN and V_COS take revolutions.
inline float sine_of_turns(float turns) {
    const double x = turns;
    return static_cast<float>(std::sin((x - __builtin_roundeven(x)) * 0x1.921fb54442d18p+2));
}
inline float cosine_of_turns(float turns) {
    const double x = turns;
    return static_cast<float>(std::cos((x - __builtin_roundeven(x)) * 0x1.921fb54442d18p+2));
}

inline float reciprocal_root(float x) {
    return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x)));
}

template <class T>
inline bool is_finite(T x) {
    return std::fabs(x) <= std::numeric_limits<T>::max();
}

template <class T>
inline int32_t frexp_exponent(T x) {
    int exponent = 0;
    if (is_finite(x) && x != 0) std::frexp(x, &exponent);
    return exponent;
}
template <class T>
inline T frexp_mantissa(T x) {
    int exponent = 0;
    return is_finite(x) ? std::frexp(x, &exponent) : x;
}
/// ldexp with any exponent: beyond this range the result is 0 or infinite anyhow.
template <class T>
inline T load_exponent(T x, int32_t exponent) {
    return std::ldexp(x, exponent > 5000 ? 5000 : exponent < -5000 ? -5000 : exponent);
}

}  // namespace simgpu::gfx9
