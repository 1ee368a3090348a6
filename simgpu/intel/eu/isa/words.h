// The 128 bits of an instruction.
#pragma once

#include <array>
#include <cstdint>

namespace simgpu::intel::eu {

struct Words {
    uint64_t low = 0;
    uint64_t high = 0;

    /// Bits [high:low] as the manuals number them; a field lies within one half.
    constexpr uint32_t bits(unsigned top, unsigned bottom) const {
        const uint64_t half = bottom >= 64 ? high : low;
        const unsigned width = top - bottom + 1;
        return static_cast<uint32_t>(half >> (bottom & 63) & (~uint64_t{0} >> (64 - width)));
    }
    constexpr bool bit(unsigned index) const { return bits(index, index); }
    constexpr void set(unsigned top, unsigned bottom, uint64_t value) {
        uint64_t& half = bottom >= 64 ? high : low;
        const uint64_t mask = (~uint64_t{0} >> (63 - (top - bottom))) << (bottom & 63);
        half = (half & ~mask) | (value << (bottom & 63) & mask);
    }
    constexpr std::array<uint32_t, 4> dwords() const {
        return {static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)};
    }
};

}  // namespace simgpu::intel::eu
