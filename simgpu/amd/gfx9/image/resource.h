// Image and sampler descriptors: SQ_IMG_RSRC_* and SQ_IMG_SAMP_*.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "simgpu/amd/gfx9/image/compression.h"
#include "simgpu/amd/gfx9/memory/buffer_format.h"
#include "simgpu/amd/gfx9/surface/surface.h"

namespace simgpu::gfx9 {

class ShaderMemory;

enum class ImageType : uint8_t {
    k1D = 8,
    k2D = 9,
    k3D = 10,
    kCube = 11,
    k1DArray = 12,
    k2DArray = 13,
    k2DSamples = 14,
    k2DSamplesArray = 15,
};

/// Four components: floats' bits, or integers.
using Texel = std::array<uint32_t, 4>;

/// An image as a descriptor shows it: some levels and slices of a surface, in a format.
class Image {
  public:
    /// Empty if it asks for what is not simulated, such as compressed formats.
    static std::optional<Image> decode(const uint32_t (&words)[8], AddressConfig addresses);

    ImageType type() const { return type_; }
    bool is_integer() const { return format_.is_integer(); }
    bool is_signed_integer() const { return format_.number == 5; }  // IMG_NUM_FORMAT_SINT
    bool is_array() const { return array_; }
    /// Loads and stores name a sample after the other coordinates.
    bool is_multisampled() const {
        return type_ == ImageType::k2DSamples || type_ == ImageType::k2DSamplesArray;
    }
    unsigned samples() const { return 1u << sample_bits_; }
    unsigned dimensions() const { return dimensions_; }
    uint32_t width(unsigned level) const { return at_level(width_, level); }
    uint32_t height(unsigned level) const { return at_level(height_, level); }
    /// Of 3D images their depth, of arrays the slices in view.
    uint32_t depth(unsigned level) const {
        return type_ == ImageType::k3D ? at_level(slices_, level) : slices_;
    }
    unsigned first_level() const { return first_level_; }
    unsigned last_level() const { return last_level_; }
    float min_lod() const { return min_lod_; }

    /// Coordinates are inside; z counts from the first slice in view. Formats are converted and
    /// components selected. False: a fault, which `memory` has, or something not simulated.
    bool load(ShaderMemory& memory, TexelAt at, Texel& texel) const;
    bool store(ShaderMemory& memory, TexelAt at, const Texel& texel) const;
    /// The same as load() for texels of one row, which `row` stands for.
    Surface::Row row(const TexelAt& at) const {
        return surface_->row(at.y, at.z + first_slice_, at.level, at.sample);
    }
    bool load(ShaderMemory& memory, const Surface::Row& row, TexelAt at, Texel& texel) const;
    /// The same before components are selected, which is what comparisons are with.
    bool load_stored(ShaderMemory& memory, const Surface::Row& row, TexelAt at,
                     Texel& stored) const;
    /// Address of a texel, for atomics.
    uint64_t address(const TexelAt& at) const {
        return surface_->address(at.x, at.y, at.z + first_slice_, at.level, at.sample);
    }
    /// Stores and atomics would leave stale metadata behind.
    bool is_compressed() const { return compression_.any() || fmask_; }
    unsigned texel_bytes() const { return format_.bytes(); }
    /// A stored texel (or a border colour) after component selection.
    Texel selected(const Texel& stored) const;

  private:
    static uint32_t at_level(uint32_t size, unsigned level) {
        return size >> level ? size >> level : 1;
    }
    bool set_format(uint32_t data, uint32_t number);
    bool set_compression(const uint32_t (&words)[8], AddressConfig addresses);

    ImageType type_ = ImageType::k2D;
    unsigned dimensions_ = 2;
    bool array_ = false;
    BufferFormat format_;
    bool srgb_ = false;
    std::array<uint8_t, 4> select_{};
    uint32_t width_ = 1, height_ = 1, slices_ = 1;
    uint32_t first_slice_ = 0;
    unsigned first_level_ = 0, last_level_ = 0;
    float min_lod_ = 0;
    uint8_t sample_bits_ = 0;  // log2
    bool fmask_ = false;       // the image is FMASK of one that has such samples
    std::optional<Surface> surface_;
    Compression compression_;
};

enum class Wrap : uint8_t {
    kRepeat,
    kMirror,
    kClampToEdge,
    kMirrorOnce,
    kClampHalfBorder,
    kMirrorOnceHalfBorder,
    kClampToBorder,
    kMirrorOnceBorder,
};

struct Sampler {
    Wrap wrap[3] = {};
    uint8_t compare = 0;  // as ZFUNC
    bool unnormalised = false;
    float min_lod = 0, max_lod = 0, bias = 0;
    bool linear_mag = false, linear_min = false;
    bool linear_z = false;
    uint8_t mip_filter = 0;  // none, point, linear
    uint8_t border = 0;      // transparent black, opaque black, opaque white, from a table
    uint32_t border_index = 0;

    static Sampler decode(const uint32_t (&words)[4]);
};

}  // namespace simgpu::gfx9
