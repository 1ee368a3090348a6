// The colour buffers of a draw: what the pixel shader's exports do to them.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "simgpu/amd/gfx9/draw/blend.h"
#include "simgpu/amd/gfx9/draw/colour_format.h"
#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/surface/surface.h"
#include "simgpu/amd/gfx9/wave/graphics_wave.h"

namespace simgpu::gfx9::draw {

/// The four values of an export, by its SPI_SHADER_*_FORMAT: floats' bits, or integers.
void convert_export(unsigned format, const ExportTarget& target, unsigned lane,
                    uint32_t (&colour)[4]);

class ColourTargets {
  public:
    ColourTargets(const RegisterReader& registers, AddressConfig addresses, ShaderMemory& memory);

    /// A sentence about what is asked for and not simulated; else empty.
    const std::string& problem() const { return problem_; }
    bool any() const { return any_; }
    /// Writes what `lane` has exported. False on a fault, which `memory` has.
    bool write(const GraphicsWave& wave, unsigned lane, uint32_t x, uint32_t y, uint32_t layer);

  private:
    static constexpr unsigned kMaxPixelBytes = 16;
    using Pixel = std::array<uint8_t, kMaxPixelBytes>;

    struct Target {
        bool used = false;
        unsigned export_format = 0;
        ColourFormat format;
        BlendState blend;
        std::optional<Surface> surface;
        uint32_t slice = 0;
        unsigned level = 0;
        bool whole_pixel = true;  // all that the format stores is written
        Pixel write_mask{};
    };

    Target read_target(const RegisterReader& registers, unsigned index, AddressConfig addresses);
    void check(uint32_t info, uint32_t attributes, unsigned index, const Target& target);
    bool write_target(const Target& target, const ExportTarget& exported, unsigned lane,
                      uint64_t va);
    void apply_blend(const Target& target, const Pixel& old, uint32_t (&colour)[4]) const;

    ShaderMemory& memory_;
    std::array<Target, kColourTargets> targets_;
    Colour constant_;
    uint8_t rop3_ = 0xcc;
    bool any_ = false;
    std::string problem_;
};

}  // namespace simgpu::gfx9::draw
