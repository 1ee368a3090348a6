// One colour buffer with its metadata: DCC, CMASK and FMASK.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "simgpu/amd/gfx9/draw/colour_format.h"
#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/surface/meta_surface.h"
#include "simgpu/amd/gfx9/surface/surface.h"

namespace simgpu::gfx9::draw {

/// Compresses nothing, as a chip is free to: before a pixel is read or written, what metadata says
/// of its surroundings is stored, and the metadata says so. After that, elements are in memory.
class ColourSurface {
  public:
    static constexpr unsigned kMaxPixelBytes = 16;
    using Element = std::array<uint8_t, kMaxPixelBytes>;

    ColourSurface() = default;
    /// CB_COLORn_*. The format has been read from them.
    ColourSurface(const RegisterReader& registers, unsigned index, const ColourFormat& format,
                  AddressConfig addresses);

    /// A sentence about state or contents that are not simulated; else empty.
    const std::string& problem() const { return problem_; }
    unsigned sample_bits() const { return sample_bits_; }
    unsigned samples() const { return 1u << sample_bits_; }
    /// The last layer in view.
    uint32_t last_layer() const { return last_slice_ > slice_ ? last_slice_ - slice_ : 0; }
    /// `layer` counts from the first slice in view.
    uint64_t address(uint32_t x, uint32_t y, uint32_t layer, unsigned sample) const {
        return surface_->address(x, y, slice_ + layer, level_, sample);
    }

    /// Stores the pixel, if it is in metadata only, so that each sample is at its own address.
    /// False: a fault, which `memory` has, or a problem.
    bool open(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer);
    /// The decompression passes: what surrounds the pixel is stored, but samples may share
    /// fragments as FMASK says, which is stored too if `fmask`.
    bool expand(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer, bool fmask);

  private:
    void read_metadata(const RegisterReader& registers, unsigned index, AddressConfig addresses);
    bool fail(std::string problem);
    bool open_dcc(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer, unsigned sample);
    bool open_cmask(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer, bool fmask);
    bool store_block(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer, bool colour,
                     bool fmask);
    bool open_fragments(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t layer);
    Element clear_colour() const;
    uint32_t own_fragments() const;

    ColourFormat format_;
    std::optional<Surface> surface_, fmask_;
    std::optional<MetaSurface> dcc_, cmask_;
    uint32_t slice_ = 0, last_slice_ = 0;
    unsigned level_ = 0;
    unsigned sample_bits_ = 0;
    bool alpha_on_msb_ = true;
    uint32_t clear_words_[2] = {};
    // Pixels that share a key and a nibble, as log2; and the last such block of which all that
    // there is was opened, without FMASK, which is each pixel's own: x, y and layer.
    unsigned block_width_bits_ = 3, block_height_bits_ = 3;
    std::array<uint32_t, 3> latest_block_{~0u, ~0u, ~0u};
    // The keys and the nibble that were opened last.
    std::array<uint64_t, 8> latest_dcc_{};
    MetaSurface::Place latest_cmask_;
    std::string problem_;
};

}  // namespace simgpu::gfx9::draw
