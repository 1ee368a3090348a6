// The metadata of one surface in memory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "simgpu/amd/gfx9/surface/meta_equation.h"

namespace simgpu::gfx9 {

struct MetaShape {
    /// Bytes. Of surfaces with XOR modes, the bits below a block's size choose the first pipe.
    uint64_t base = 0;
    MetaLayout layout;
    uint8_t levels = 1;   // all that were allocated
    uint32_t width = 1;   // of level 0, in pixels
    uint32_t height = 1;  // of level 0, in pixels
    uint32_t depth = 1;   // of level 0 of a 3D image
};

class MetaSurface {
  public:
    /// Empty if the swizzle mode has no metadata.
    static std::optional<MetaSurface> create(const MetaShape& shape, AddressConfig config);

    struct Place {
        uint64_t va = 0;     // of the byte, or of the HTILE dword
        unsigned shift = 0;  // of a CMASK nibble in its byte
        bool operator==(const Place&) const = default;
    };
    /// Coordinates are inside of `level`; z counts slices.
    Place find(uint32_t x, uint32_t y, uint32_t z, unsigned level, unsigned sample) const;
    BlockSize compressed_block() const { return shape_.layout.compressed_block(); }

  private:
    static constexpr unsigned kMaxLevels = 16;
    struct Start {
        uint32_t x = 0, y = 0, z = 0;
    };

    MetaSurface(const MetaShape& shape, AddressConfig config);
    void place_levels(BlockSize blocks);
    void place_tail(unsigned first, Start at);

    MetaShape shape_;
    MetaEquation equation_;
    BlockSize block_;
    BlockShift shift_;
    uint64_t base_ = 0, pipe_xor_ = 0;
    uint32_t pitch_in_blocks_ = 1, slice_in_blocks_ = 1;
    std::array<Start, kMaxLevels> levels_{};
};

}  // namespace simgpu::gfx9
