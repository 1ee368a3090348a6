// Surface formats: what the bits of a pixel mean.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace simgpu::intel {

enum class Numbers : uint8_t { kUnorm, kSrgb, kSnorm, kUint, kSint, kFloat };

struct Format {
    struct Channel {
        uint8_t component = 0;  // 0 to 3: red to alpha; 4: unused bits
        uint8_t first_bit = 0;
        uint8_t bits = 0;
    };
    const char* name = nullptr;
    Numbers numbers = Numbers::kUnorm;
    uint8_t bytes = 0;
    uint8_t channels = 0;
    std::array<Channel, 4> channel{};

    bool has(unsigned component) const;
    bool is_integer() const { return numbers == Numbers::kUint || numbers == Numbers::kSint; }
};

/// Null for a number that is not in the table (block-compressed, video, depth formats among them).
const Format* find_format(uint32_t number);

/// Four 32-bit lanes, red to alpha: floats, or integers if the format has these.
using Texel = std::array<uint32_t, 4>;

/// Missing channels are 0, alpha 1.
Texel unpack(const Format& format, const std::byte* pixel);
/// Values beyond what the format holds are clamped.
void pack(const Format& format, const Texel& texel, std::byte* pixel);
/// The values of components that a format lacks: 0, and 1 for alpha.
Texel missing_texel(const Format& format);

}  // namespace simgpu::intel
