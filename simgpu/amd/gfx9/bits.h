// Fields of registers, descriptors and instruction words.
#pragma once

#include <bit>
#include <cstdint>

namespace simgpu::gfx9 {

/// `count` bits from bit `low` on; count < 32.
constexpr uint32_t bits(uint32_t word, unsigned low, unsigned count) {
    return (word >> low) & ((1u << count) - 1);
}
/// The same, of 16 bits at most.
constexpr uint16_t field(uint32_t word, unsigned low, unsigned count) {
    return static_cast<uint16_t>(bits(word, low, count));
}
constexpr bool bit_of(uint32_t word, unsigned bit) {
    return word >> bit & 1;
}
/// Quotients and multiples, rounded up.
constexpr uint32_t divide_up(uint32_t value, uint32_t by) {
    return (value + by - 1) / by;
}
constexpr uint32_t align_up(uint32_t value, uint32_t to) {
    return divide_up(value, to) * to;
}
inline float as_float(uint32_t word) {
    return std::bit_cast<float>(word);
}
inline uint32_t as_word(float value) {
    return std::bit_cast<uint32_t>(value);
}

}  // namespace simgpu::gfx9
