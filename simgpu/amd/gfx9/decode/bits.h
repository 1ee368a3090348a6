// Bit fields of instruction words.
#pragma once

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

}  // namespace simgpu::gfx9
