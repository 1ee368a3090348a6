// Half precision arithmetic to compare with: on exact values, rounded once to nearest even.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace simgpu::gfx9::test {

inline constexpr uint16_t kHalfSign = 0x8000, kHalfInfinity = 0x7c00, kHalfNan = 0x7e00,
                          kHalfOne = 0x3c00;

inline bool half_is_nan(uint16_t half) {
    return (half & 0x7fff) > kHalfInfinity;
}
inline bool half_is_infinite(uint16_t half) {
    return (half & 0x7fff) == kHalfInfinity;
}

/// A finite half in units of 2^-24, of which all are multiples.
inline int64_t half_units(uint16_t half) {
    const int exponent = half >> 10 & 0x1f;
    const int64_t mantissa = half & 0x3ff;
    const int64_t units = exponent ? (mantissa + 1024) << (exponent - 1) : mantissa;
    return half & kHalfSign ? -units : units;
}

inline double half_value(uint16_t half) {
    if (half_is_nan(half)) return std::numeric_limits<double>::quiet_NaN();
    const double sign = half & kHalfSign ? -1.0 : 1.0;
    if (half_is_infinite(half)) return sign * std::numeric_limits<double>::infinity();
    return std::copysign(static_cast<double>(half_units(half)) * 0x1p-24, sign);
}

/// The half next to `units` * 2^(`exponent` - 24), `exponent` not positive; the even one of two.
/// Zero and what rounds to it have the sign given.
inline uint16_t nearest_half(__int128 units, int exponent, bool negative) {
    const unsigned __int128 magnitude = static_cast<unsigned __int128>(units < 0 ? -units : units);
    // Drop bits until 11 are left, but never fewer than make a unit of 2^-24.
    int drop = -exponent;
    while (magnitude >> drop >= 2048) drop++;
    const auto kept = static_cast<uint32_t>(magnitude >> drop);
    const unsigned __int128 rest = magnitude - (static_cast<unsigned __int128>(kept) << drop);
    const unsigned __int128 tie = drop ? static_cast<unsigned __int128>(1) << (drop - 1) : 1;
    const bool up = drop && (rest > tie || (rest == tie && kept & 1));
    // `kept` has its leading 1 at bit 10 if normal: it adds to the exponent field as a carry.
    const int scale = drop + exponent;
    const uint32_t bits = kept + up + static_cast<uint32_t>(scale) * 1024;
    return static_cast<uint16_t>((bits > kHalfInfinity ? kHalfInfinity : bits) |
                                 (negative ? kHalfSign : 0));
}

/// The half next to a double.
inline uint16_t nearest_half(double value) {
    if (std::isnan(value)) return kHalfNan;
    const bool negative = std::signbit(value);
    const double magnitude = std::fabs(value);
    const uint16_t sign = negative ? kHalfSign : 0;
    if (magnitude >= 0x1p17) return sign | kHalfInfinity;
    if (magnitude < 0x1p-30) return sign;
    // 53 bits below 2^17 and above 2^-30: whole in units of 2^-83.
    return nearest_half(static_cast<__int128>(std::ldexp(magnitude, 83)), 24 - 83, negative);
}

/// a * b + c, rounded once.
inline uint16_t fused_half(uint16_t a, uint16_t b, uint16_t c) {
    if (half_is_nan(a) || half_is_nan(b) || half_is_nan(c)) return kHalfNan;
    const uint16_t product_sign = (a ^ b) & kHalfSign, sign = c & kHalfSign;
    if (half_is_infinite(a) || half_is_infinite(b)) {
        const bool zero = half_units(a) == 0 || half_units(b) == 0;
        if (zero || (half_is_infinite(c) && sign != product_sign)) return kHalfNan;
        return product_sign | kHalfInfinity;
    }
    if (half_is_infinite(c)) return c;
    const __int128 exact = static_cast<__int128>(half_units(a)) * half_units(b) +
                           (static_cast<__int128>(half_units(c)) << 24);
    const bool negative = exact ? exact < 0 : product_sign && sign;
    return nearest_half(exact, -24, negative);
}
inline uint16_t add_halves(uint16_t a, uint16_t b) {
    return fused_half(a, kHalfOne, b);
}
inline uint16_t negate_half(uint16_t a) {
    return a ^ kHalfSign;
}
inline uint16_t multiply_halves(uint16_t a, uint16_t b) {
    return fused_half(a, b, (a ^ b) & kHalfSign);
}

/// -0 is less than +0, and a number wins over NaN (Vega ISA, V_MIN_F16, V_MAX_F16).
inline bool half_less(uint16_t a, uint16_t b) {
    const double x = half_value(a), y = half_value(b);
    return x < y || (x == y && std::signbit(x) && !std::signbit(y));
}
inline uint16_t min_half(uint16_t a, uint16_t b) {
    if (half_is_nan(a)) return b;
    return half_is_nan(b) || half_less(a, b) ? a : b;
}
inline uint16_t max_half(uint16_t a, uint16_t b) {
    if (half_is_nan(a)) return b;
    return half_is_nan(b) || half_less(b, a) ? a : b;
}

}  // namespace simgpu::gfx9::test
