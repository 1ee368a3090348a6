// The colour buffers of a draw: what the pixel shader's exports do to them.
#pragma once

#include <array>
#include <span>
#include <string>

#include "simgpu/amd/gfx9/draw/blend.h"
#include "simgpu/amd/gfx9/draw/colour_format.h"
#include "simgpu/amd/gfx9/draw/colour_surface.h"
#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/wave/graphics_wave.h"

namespace simgpu::gfx9::draw {

/// The four values of an export, by its SPI_SHADER_*_FORMAT: floats' bits, or integers.
void convert_export(unsigned format, const ExportTarget& target, unsigned lane,
                    uint32_t (&colour)[4]);

class ColourTargets {
  public:
    ColourTargets(const RegisterReader& registers, AddressConfig addresses, ShaderMemory& memory);

    struct Pixel {
        uint32_t x = 0, y = 0, layer = 0;  // the layer counts from the first one in view
    };

    /// A sentence about what is asked for, or was met, and is not simulated; else empty.
    const std::string& problem() const;
    bool any() const { return any_; }
    /// False: pixels are decompressed, or target 0's samples are mixed into target 1. Such a draw
    /// is about whole pixels, however many samples it has itself.
    bool draws() const { return mode_ == Mode::kNormal; }
    unsigned sample_bits() const { return sample_bits_; }
    /// The last layer that all targets have in view.
    uint32_t last_layer() const;
    /// Writes what `lane` has exported to the samples of a pixel, or does to it what the mode says.
    /// False on a fault, which `memory` has, or if there is a problem now.
    bool write(const GraphicsWave& wave, unsigned lane, const Pixel& pixel, uint8_t samples);
    /// Alpha that `lane` has exported to target 0.
    float alpha(const GraphicsWave& wave, unsigned lane) const;

  private:
    using Element = ColourSurface::Element;

    /// CB_COLOR_CONTROL.MODE.
    enum class Mode : uint8_t {
        kDisable,
        kNormal,
        kEliminateFastClear,
        kResolve,
        kDecompress,
        kFmaskDecompress,
        kDccDecompress,
    };
    struct Target {
        bool used = false;
        unsigned source = 0;  // number of the shader's export
        unsigned export_format = 0;
        ColourFormat format;
        BlendState blend;
        ColourSurface surface;
        bool whole_pixel = true;  // all that the format stores is written
        Element write_mask{};
    };

    Target read_target(const RegisterReader& registers, unsigned index, AddressConfig addresses);
    void check();
    bool draw(const GraphicsWave& wave, unsigned lane, const Pixel& pixel, uint8_t samples);
    bool expand(const Pixel& pixel);
    bool resolve(const Pixel& pixel);
    /// `second` is the colour that the shader has exported beside `colour`.
    bool write_sample(const Target& target, const uint32_t (&colour)[4], const Colour& second,
                      uint64_t va);
    void apply_blend(const Target& target, const Element& old, const Colour& second,
                     uint32_t (&colour)[4]) const;

    std::span<const uint8_t> used() const { return std::span(used_).first(used_count_); }

    ShaderMemory& memory_;
    std::array<Target, kColourTargets> targets_;
    std::array<uint8_t, kColourTargets> used_{};  // numbers of targets
    unsigned used_count_ = 0;
    Colour constant_;
    uint8_t rop3_ = 0xcc;
    Mode mode_ = Mode::kDisable;
    bool any_ = false;
    bool second_source_ = false;  // target 1's export is for blending
    unsigned sample_bits_ = 0;
    std::string problem_;
};

}  // namespace simgpu::gfx9::draw
