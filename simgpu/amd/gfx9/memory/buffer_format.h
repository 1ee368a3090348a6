// Texel formats: BUF_DATA_FORMAT and BUF_NUM_FORMAT of GFX9, and the uncompressed ones among
// IMG_DATA_FORMAT and COLOR_*, which number the common formats alike.
#pragma once

#include <cstdint>

namespace simgpu::gfx9 {

/// IMG_DATA_FORMAT_5_9_9_9, which is only read.
inline constexpr uint32_t kSharedExponent = 34;

struct BufferFormat {
    uint32_t data = 0;
    uint32_t number = 0;

    /// Bytes of one element; 0 for a format that does not exist.
    unsigned bytes() const;
    unsigned components() const;
    unsigned component_bits(unsigned component) const;
    bool is_integer() const { return number == 4 || number == 5; }
};

/// The four components of an element: floats' bits, or integers. Missing ones are 0, 0, 0, 1.
void unpack_texel(BufferFormat format, const uint8_t* element, uint32_t components[4]);
void pack_texel(BufferFormat format, const uint32_t components[4], uint8_t* element);
/// The components of `mask` (bit 0: the lowest in memory) are 1.0 or the greatest integer, the
/// others 0.
void pack_greatest(BufferFormat format, unsigned mask, uint8_t* element);

}  // namespace simgpu::gfx9
