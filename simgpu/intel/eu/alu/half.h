// IEEE half precision in software, in the host's rounding mode.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace simgpu::intel::eu {

inline float half_to_float(uint16_t half) {
    const uint32_t magnitude = half & 0x7fffu;
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
    // A denormal is an integer times 2^-24, which a float holds as a normal number.
    const auto denormal = std::bit_cast<uint32_t>(static_cast<float>(magnitude) * 0x1p-24f);
    const uint32_t exponent_bits = magnitude >= 0x7c00u ? 0x7f800000u : 112u << 23;
    const uint32_t normal =
        magnitude >= 0x7c00u ? exponent_bits | magnitude << 13 : (magnitude << 13) + exponent_bits;
    return std::bit_cast<float>((magnitude < 0x400u ? denormal : normal) | sign);
}

/// Rounds once: doubles hold all products and sums of two halves, and all 32-bit integers.
inline uint16_t double_to_half(double value) {
    constexpr double kLargest = 65504;
    const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
    if (std::isnan(value)) return sign | 0x7e00;
    if (std::isinf(value)) return sign | 0x7c00;
    int exponent = 0;
    std::frexp(value, &exponent);  // |value| < 2^exponent
    // A half has 11 significant bits; below 2^-14 its step stays 2^-24.
    const int step = exponent - 11 > -24 ? exponent - 11 : -24;
    const double result = std::fabs(std::ldexp(std::nearbyint(std::ldexp(value, -step)), step));
    if (result > kLargest) {
        // Infinity, unless the rounding mode goes towards zero on this side: 0.75 shows.
        const bool towards_zero = std::nearbyint(sign ? -0.75 : 0.75) == 0;
        return sign | (towards_zero ? 0x7bff : 0x7c00);
    }
    if (result < 0x1p-14)
        return static_cast<uint16_t>(sign | static_cast<int>(std::ldexp(result, 24)));
    std::frexp(result, &exponent);
    const auto mantissa = static_cast<uint32_t>(std::ldexp(result, 11 - exponent));
    return static_cast<uint16_t>(sign | (exponent + 14) << 10 | (mantissa & 0x3ff));
}

}  // namespace simgpu::intel::eu
