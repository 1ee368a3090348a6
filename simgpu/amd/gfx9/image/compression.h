// Compressed images as texture units read them: DCC keys, HTILE, FMASK with its CMASK.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "simgpu/amd/gfx9/memory/buffer_format.h"
#include "simgpu/amd/gfx9/surface/meta_surface.h"

namespace simgpu::gfx9 {

class ShaderMemory;

/// A texel's place in an image.
struct TexelAt {
    uint32_t x = 0, y = 0, z = 0;  // z counts slices of the surface
    unsigned level = 0, sample = 0;
};

/// An image's metadata, as descriptors with COMPRESSION_EN name it.
class Compression {
  public:
    enum class Kind : uint8_t { kNone, kColour, kDepth, kStencil, kFmask };

    Compression() = default;
    Compression(Kind kind, std::optional<MetaSurface> surface, BufferFormat format,
                bool alpha_on_msb)
        : kind_(kind), surface_(std::move(surface)), format_(format), alpha_on_msb_(alpha_on_msb) {}

    /// The element at `at`, by its metadata; `va` is where it is stored. Without metadata,
    /// the stored bytes. False: a fault, which `memory` has, or a code that no texture unit can
    /// read without the driver's help, or that is not simulated.
    bool read(ShaderMemory& memory, const TexelAt& at, uint64_t va, uint8_t* element) const;
    bool any() const { return kind_ != Kind::kNone; }

  private:
    bool read_colour(ShaderMemory& memory, const TexelAt& at, uint64_t va, uint8_t* element) const;
    bool read_depth(ShaderMemory& memory, const TexelAt& at, uint64_t va, uint8_t* element) const;
    bool read_fmask(ShaderMemory& memory, const TexelAt& at, uint64_t va, uint8_t* element) const;

    Kind kind_ = Kind::kNone;
    std::optional<MetaSurface> surface_;
    BufferFormat format_;  // as stored
    bool alpha_on_msb_ = false;
};

/// FMASK names the fragment of each sample, in 1, 2 or 4 bits; shaders see four for each.
uint32_t expand_fmask(uint32_t stored, unsigned sample_bits);

}  // namespace simgpu::gfx9
