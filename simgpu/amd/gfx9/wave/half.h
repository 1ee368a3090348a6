// IEEE half precision in software, written so that the compiler can vectorise it.
#pragma once

#include <bit>
#include <cstdint>

namespace simgpu::gfx9 {

inline float half_to_float(uint16_t half) {
    const uint32_t magnitude = half & 0x7fffu;
    const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
    // Denormals by integer conversion, so that a host that flushes denormals does not matter.
    const float denormal = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f;
    uint32_t normal = (magnitude << 13) + (112u << 23);
    normal = magnitude >= 0x7c00u ? normal | 0x7f800000u : normal;
    const uint32_t bits = magnitude < 0x400u ? std::bit_cast<uint32_t>(denormal) : normal;
    return std::bit_cast<float>(bits | sign);
}

/// Rounds in the host's current rounding mode: adding a number whose last place is that of the
/// result lets the floating-point unit do it.
constexpr uint16_t float_to_half(float value) {
    const auto bits = std::bit_cast<uint32_t>(value);
    const uint32_t sign_bit = bits & 0x80000000u;
    const auto sign = static_cast<uint16_t>(sign_bit >> 16);
    // Clamped to what the trick can handle; the largest half is below 2^16.
    uint32_t magnitude = bits & 0x7fffffffu;
    const bool nan = magnitude > 0x7f800000u;
    const bool infinite = magnitude == 0x7f800000u;
    magnitude = magnitude > 0x48000000u ? 0x48000000u : magnitude;  // 2^17
    uint32_t binade = magnitude & 0x7f800000u;
    binade = binade < (113u << 23) ? 113u << 23 : binade;  // 2^-14: denormals share its step
    const auto x = std::bit_cast<float>(magnitude | sign_bit);
    const auto magic = std::bit_cast<float>((binade + (13u << 23)) | sign_bit);
    const float rounded = (x + magic) - magic;
    const uint32_t rounded_bits = std::bit_cast<uint32_t>(rounded) & 0x7fffffffu;
    const uint32_t normal = (rounded_bits >> 13) - (112u << 10);
    // From 128 on the product would not fit an integer.
    const uint32_t small_bits = rounded_bits < (113u << 23) ? rounded_bits : 0;
    const auto denormal =
        static_cast<uint32_t>(static_cast<int32_t>(std::bit_cast<float>(small_bits) * 0x1p24f));
    uint32_t half = rounded_bits < (113u << 23) ? denormal : normal;
    // Overflow gives infinity, unless the mode rounds towards zero on this side: 2^24 + 1.5 shows.
    const auto step = std::bit_cast<float>(0x4b800000u | sign_bit);
    const auto three_quarters = std::bit_cast<float>(0x3fc00000u | sign_bit);
    const uint32_t probe = std::bit_cast<uint32_t>(step + three_quarters) & 0x7fffffffu;
    const uint32_t overflow = probe > 0x4b800000u ? 0x7c00u : 0x7bffu;
    half = half >= 0x7c00u ? overflow : half;
    half = infinite ? 0x7c00u : half;
    half = nan ? 0x7e00u : half;
    return static_cast<uint16_t>(half | sign);
}

/// A half float in arithmetic: computes as float and rounds once when it is stored. For +, -, *,
/// / and sqrt of halves the float result is precise enough that rounding twice changes nothing.
struct Half {
    uint16_t bits = 0;

    Half() = default;
    explicit Half(uint16_t raw) : bits(raw) {}
    Half(float value) : bits(float_to_half(value)) {}       // NOLINT: conversion is the point
    operator float() const { return half_to_float(bits); }  // NOLINT
};

/// a * b + c, rounded once. The product is exact in double. Where the sum is not, one operand is
/// too small to matter except for its direction, and that survives. On the way to a half it goes
/// through a float, which takes up what it cannot hold as an odd last bit: no tie comes from that.
inline Half fused_multiply_add(Half a, Half b, Half c) {
    const double sum = static_cast<double>(float{a}) * float{b} + static_cast<double>(float{c});
    constexpr uint64_t kLastBit = uint64_t{1} << 29, kBeyondFloat = kLastBit - 1;
    const auto bits = std::bit_cast<uint64_t>(sum);
    const uint64_t odd = bits & kBeyondFloat ? kLastBit : 0;
    return static_cast<float>(std::bit_cast<double>((bits & ~kBeyondFloat) | odd));
}

}  // namespace simgpu::gfx9
