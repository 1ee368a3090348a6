// Where the metadata of compressed surfaces lies: DCC keys, HTILE words, CMASK nibbles.
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/amd/gfx9/surface/bit_sums.h"
#include "simgpu/amd/gfx9/surface/swizzle.h"

namespace simgpu::gfx9 {

enum class MetaKind : uint8_t {
    kDcc,    // of colour: a byte for each 256 bytes of data
    kHtile,  // of depth and stencil: a dword for each 8x8 pixels
    kCmask,  // of FMASK, or of colour without: four bits for each 8x8 pixels
};

/// Everything that a metadata equation depends on.
struct MetaLayout {
    MetaKind kind = MetaKind::kDcc;
    SwizzleMode mode{0};       // of the data; of CMASK: of FMASK
    uint8_t element_bits = 0;  // log2 of the bytes of an element of the same
    uint8_t sample_bits = 0;   // log2; of CMASK: 0
    bool image_3d = false;
    bool mipmapped = false;
    bool pipe_aligned = true, backend_aligned = true;

    bool thick() const { return kind == MetaKind::kDcc && mode.thick(image_3d); }
    /// Pixels that one DCC key, HTILE word or CMASK nibble is about.
    BlockSize compressed_block() const;
    /// Pixels of one block of metadata. Its bytes follow each other, except for the pipes.
    BlockSize meta_block(AddressConfig config) const;
    /// log2 of the pipes that metadata is spread over.
    unsigned pipe_bits(AddressConfig config) const;
};

/// The nibble address of metadata as a sum without carry of what each coordinate bit contributes,
/// and of the number of the metadata block.
class MetaEquation {
  public:
    /// The mode exists and is not linear, samples are 8 at most.
    MetaEquation(const MetaLayout& layout, AddressConfig config);

    uint64_t nibble(const std::array<uint32_t, 4>& x_y_z_sample, uint64_t block) const;

  private:
    static constexpr unsigned kCoordinateBits = 14;

    std::array<BitSums, 4> axes_;
    // Bits of the block's number start here; if `split_` is not 0, so many lie below the interleave
    // and the others `gap_` bits further up.
    unsigned block_start_ = 0, split_ = 0, gap_ = 0;
};

}  // namespace simgpu::gfx9
