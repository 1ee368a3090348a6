// Texture filtering: levels, wrapping, borders, comparison.
#pragma once

#include <cstdint>

#include "simgpu/amd/gfx9/image/address.h"
#include "simgpu/amd/gfx9/image/resource.h"

namespace simgpu::gfx9 {

class ShaderMemory;

/// Levels that a sample is taken from.
struct LodChoice {
    float unclamped = 0;
    float clamped = 0;  // relative to the first level in view
    bool magnified = false;
};

class TextureUnit {
  public:
    TextureUnit(const Image& image, const Sampler& sampler, ShaderMemory& memory,
                const Texel& border)
        : image_(image), sampler_(sampler), memory_(memory), border_(border) {}

    /// `dx` and `dy` are the normalised coordinates' derivatives on the screen.
    LodChoice lod_of(const float (&dx)[3], const float (&dy)[3]) const;
    LodChoice clamp(float lod, float least) const;

    /// False: a fault, which the memory has.
    bool sample(const ImageAddress& address, const ImageOperation& operation, const LodChoice& lod,
                Texel& result) const;
    /// The four texels that bilinear filtering would mix, one component of each.
    bool gather(const ImageAddress& address, const ImageOperation& operation, const LodChoice& lod,
                unsigned component, Texel& result) const;

    /// Position in the image of one lane's address: x, y, z in texels or, of arrays, z the slice.
    static uint32_t cube_slice(float face_id);

  private:
    struct Footprint;

    Footprint footprint(const ImageAddress& address, unsigned level, bool linear) const;
    bool texel(const Footprint& at, unsigned corner, const ImageAddress& address, bool compares,
               Texel& result) const;
    bool sample_plane(const Footprint& at, float (&sum)[4], float weight, Texel& exact) const;
    bool sample_level(const ImageAddress& address, const ImageOperation& operation, unsigned level,
                      bool linear, float (&sum)[4], float weight, Texel& exact) const;

    const Image& image_;
    const Sampler& sampler_;
    ShaderMemory& memory_;
    const Texel& border_;
};

}  // namespace simgpu::gfx9
