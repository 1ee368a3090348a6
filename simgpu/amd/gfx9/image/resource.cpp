#include "simgpu/amd/gfx9/image/resource.h"

#include <bit>
#include <cmath>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/surface/srgb.h"

namespace simgpu::gfx9 {

namespace {

// IMG_NUM_FORMAT.
constexpr uint32_t kImageUnorm = 0, kUnormUint = 6, kSrgb = 9;
// Formats above these are compressed, read as something else, or have a shared exponent.
constexpr uint32_t kLastPlainFormat = 22;

// Stencil whose HTILE is that of 16- or 32-bit depth; FMASK and its IMG_NUM_FORMAT_FMASK_*.
constexpr uint32_t kStencil16 = 59, kStencil32 = 60, kFmask = 45;
constexpr uint32_t kFmask2 = 3, kFmask4 = 5, kFmask8 = 10;

constexpr uint32_t k8 = 1, k32 = 4, kImageUint = 4;  // IMG_DATA_FORMAT, IMG_NUM_FORMAT

constexpr unsigned kSelectX = 4;

float unsigned_fixed(uint32_t value, unsigned fraction_bits) {
    return static_cast<float>(value) / static_cast<float>(1u << fraction_bits);
}
float signed_fixed(uint32_t value, unsigned bits, unsigned fraction_bits) {
    const auto extended = static_cast<int32_t>(value << (32 - bits)) >> (32 - bits);
    return static_cast<float>(extended) / static_cast<float>(1u << fraction_bits);
}

unsigned dimensions_of(ImageType type) {
    if (type == ImageType::k1D || type == ImageType::k1DArray) return 1;
    return type == ImageType::k3D ? 3 : 2;
}

bool is_array_type(ImageType type) {
    return type == ImageType::k1DArray || type == ImageType::k2DArray || type == ImageType::kCube ||
           type == ImageType::k2DSamplesArray;
}

}  // namespace

std::optional<Image> Image::decode(const uint32_t (&w)[8], AddressConfig addresses) {
    Image image;
    image.type_ = static_cast<ImageType>(bits(w[3], 28, 4));
    if (image.type_ < ImageType::k1D) return {};
    image.dimensions_ = dimensions_of(image.type_);
    image.array_ = is_array_type(image.type_);
    if (!image.set_format(bits(w[1], 20, 6), bits(w[1], 26, 4))) return {};
    if (!std::has_single_bit(image.format_.bytes())) return {};  // none, or three 32-bit words
    for (unsigned i = 0; i < 4; i++) image.select_[i] = static_cast<uint8_t>(bits(w[3], 3 * i, 3));
    image.width_ = bits(w[2], 0, 14) + 1;
    image.height_ = bits(w[2], 14, 14) + 1;
    // DEPTH is that of a 3D image, else the last slice in view.
    const bool is_3d = image.type_ == ImageType::k3D;
    const uint32_t depth = bits(w[4], 0, 13);
    image.first_slice_ = is_3d ? 0 : bits(w[5], 0, 13);
    image.slices_ = depth >= image.first_slice_ ? depth - image.first_slice_ + 1 : 1;
    // A cube always has six, wherever DEPTH puts its last one.
    if (image.type_ == ImageType::kCube) image.slices_ = (image.slices_ + 5) / 6 * 6;
    image.first_level_ = bits(w[3], 12, 4);
    image.last_level_ = bits(w[3], 16, 4);
    if (image.is_multisampled()) {  // the level fields hold log2 of the samples
        image.sample_bits_ = static_cast<uint8_t>(image.last_level_);
        image.first_level_ = image.last_level_ = 0;
    }
    image.min_lod_ = unsigned_fixed(bits(w[1], 8, 12), 8);

    SurfaceShape shape;
    shape.base = (uint64_t{w[1] & 0xff} << 32 | w[0]) << 8;
    shape.mode = SwizzleMode(bits(w[3], 20, 5));
    shape.element_bits = static_cast<uint8_t>(std::bit_width(image.format_.bytes()) - 1);
    shape.sample_bits = image.is_multisampled() ? image.sample_bits_ : 0;
    shape.image_3d = is_3d;
    shape.levels = static_cast<uint8_t>(image.is_multisampled() ? 1 : bits(w[5], 28, 4) + 1);
    shape.width = image.width_;
    shape.height = image.height_;
    shape.depth = is_3d ? depth + 1 : 1;
    shape.pitch = bits(w[4], 13, 16) + 1;
    image.surface_ = Surface::create(shape, addresses);
    if (!image.surface_ || !image.set_compression(w, addresses)) return {};
    return image;
}

bool Image::set_format(uint32_t data, uint32_t number) {
    if (data == kFmask) {
        fmask_ = true;
        sample_bits_ = number == kFmask2 ? 1 : number == kFmask4 ? 2 : 3;
        format_ = {number == kFmask8 ? k32 : k8, kImageUint};
        return number == kFmask2 || number == kFmask4 || number == kFmask8;
    }
    if (data == kStencil16 || data == kStencil32) data = k8;
    srgb_ = number == kSrgb;
    if (srgb_ || number == kUnormUint) number = kImageUnorm;
    format_ = {data, number};
    return data <= kLastPlainFormat || data == kSharedExponent;
}

/// Which metadata there is follows from the format: FMASK has CMASK, what lies in Z order is depth
/// or stencil and has HTILE, and the rest has DCC.
bool Image::set_compression(const uint32_t (&w)[8], AddressConfig addresses) {
    using Kind = Compression::Kind;
    Kind kind = Kind::kNone;
    MetaShape shape;
    const uint32_t data = bits(w[1], 20, 6);
    MetaLayout& layout = shape.layout;
    layout.mode = surface_->shape().mode;
    layout.element_bits = surface_->shape().element_bits;
    layout.sample_bits = surface_->shape().sample_bits;
    layout.image_3d = surface_->shape().image_3d;
    if (fmask_) {
        kind = Kind::kFmask;
        layout.kind = MetaKind::kCmask;
    } else if (data == kStencil16 || data == kStencil32) {
        kind = Kind::kStencil;
        layout.kind = MetaKind::kHtile;
        layout.element_bits = data == kStencil16 ? 1 : 2;
    } else if (layout.mode.order() == SwizzleMode::Order::kZ && !layout.image_3d) {
        kind = data == k8 ? Kind::kStencil : Kind::kDepth;
        layout.kind = MetaKind::kHtile;
    } else {
        kind = Kind::kColour;
    }
    compression_ = Compression(Kind::kNone, {}, format_, false);
    if (!bit_of(w[6], 21)) return true;  // COMPRESSION_EN
    layout.pipe_aligned = bit_of(w[5], 26);
    layout.backend_aligned = bit_of(w[5], 27);
    shape.levels = surface_->shape().levels;
    layout.mipmapped = shape.levels > 1;
    shape.base = (uint64_t{bits(w[5], 17, 8)} << 32 | w[7]) << 8;
    shape.width = width_;
    shape.height = height_;
    shape.depth = surface_->shape().depth;
    std::optional<MetaSurface> metadata = MetaSurface::create(shape, addresses);
    if (!metadata || bit_of(w[5], 25)) return false;  // META_LINEAR does not exist on GFX9
    compression_ = Compression(kind, *metadata, format_, bit_of(w[6], 22));
    return true;
}

Texel Image::selected(const Texel& stored) const {
    const uint32_t one = is_integer() ? 1u : as_word(1.0f);
    Texel texel;
    for (unsigned i = 0; i < 4; i++)
        texel[i] = select_[i] >= kSelectX ? stored[select_[i] - kSelectX]
                   : select_[i] == 1      ? one
                                          : 0;
    return texel;
}

bool Image::load(ShaderMemory& memory, TexelAt at, Texel& texel) const {
    return load(memory, row(at), at, texel);
}

bool Image::load(ShaderMemory& memory, const Surface::Row& row, TexelAt at, Texel& texel) const {
    Texel stored;
    if (!load_stored(memory, row, at, stored)) return false;
    texel = selected(stored);
    return true;
}

bool Image::load_stored(ShaderMemory& memory, const Surface::Row& row, TexelAt at,
                        Texel& stored) const {
    uint8_t raw[16] = {};
    const uint64_t va = surface_->address(row, at.x);
    at.z += first_slice_;
    if (!compression_.read(memory, at, va, raw)) return false;
    unpack_texel(format_, raw, stored.data());
    if (fmask_) stored[0] = expand_fmask(stored[0], sample_bits_);
    if (srgb_)
        for (unsigned i = 0; i < 3; i++) stored[i] = as_word(srgb_to_linear(as_float(stored[i])));
    return true;
}

bool Image::store(ShaderMemory& memory, TexelAt at, const Texel& texel) const {
    if (is_compressed()) return false;
    Texel stored{};
    for (unsigned i = 0; i < 4; i++)
        if (select_[i] >= kSelectX) stored[select_[i] - kSelectX] = texel[i];
    if (srgb_)
        for (unsigned i = 0; i < 3; i++) stored[i] = as_word(linear_to_srgb(as_float(stored[i])));
    uint8_t raw[16] = {};
    pack_texel(format_, stored.data(), raw);
    return memory.write(address(at), raw, format_.bytes());
}

Sampler Sampler::decode(const uint32_t (&w)[4]) {
    Sampler s;
    for (unsigned axis = 0; axis < 3; axis++)
        s.wrap[axis] = static_cast<Wrap>(bits(w[0], 3 * axis, 3));
    s.compare = static_cast<uint8_t>(bits(w[0], 12, 3));
    s.unnormalised = bit_of(w[0], 15);
    s.min_lod = unsigned_fixed(bits(w[1], 0, 12), 8);
    s.max_lod = unsigned_fixed(bits(w[1], 12, 12), 8);
    s.bias = signed_fixed(bits(w[2], 0, 14), 14, 8);
    // Odd filters are bilinear; anisotropy (2 and 3) is sampled as isotropic.
    s.linear_mag = bit_of(w[2], 20);
    s.linear_min = bit_of(w[2], 22);
    s.linear_z = bits(w[2], 24, 2) == 2;
    s.mip_filter = static_cast<uint8_t>(bits(w[2], 26, 2));
    s.border_index = bits(w[3], 0, 12);
    s.border = static_cast<uint8_t>(bits(w[3], 30, 2));
    return s;
}

}  // namespace simgpu::gfx9
