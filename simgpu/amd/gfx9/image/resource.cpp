#include "simgpu/amd/gfx9/image/resource.h"

#include <bit>
#include <cmath>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/surface/srgb.h"

namespace simgpu::gfx9 {

namespace {

// IMG_NUM_FORMAT.
constexpr uint32_t kUnorm = 0, kUnormUint = 6, kSrgb = 9;
// Formats above these are compressed, or read as something else.
constexpr uint32_t kLastPlainFormat = 22;

constexpr unsigned kSelectX = 4;

float unsigned_fixed(uint32_t value, unsigned fraction_bits) {
    return static_cast<float>(value) / static_cast<float>(1u << fraction_bits);
}
float signed_fixed(uint32_t value, unsigned bits, unsigned fraction_bits) {
    const auto extended = static_cast<int32_t>(value << (32 - bits)) >> (32 - bits);
    return static_cast<float>(extended) / static_cast<float>(1u << fraction_bits);
}

bool is_samples(ImageType type) {
    return type == ImageType::k2DSamples || type == ImageType::k2DSamplesArray;
}

}  // namespace

std::optional<Image> Image::decode(const uint32_t (&w)[8], AddressConfig addresses) {
    Image image;
    image.type_ = static_cast<ImageType>(bits(w[3], 28, 4));
    if (image.type_ < ImageType::k1D || is_samples(image.type_)) return {};
    const bool metadata = bit_of(w[6], 21);  // COMPRESSION_EN
    const uint32_t data = bits(w[1], 20, 6);
    if (metadata || data > kLastPlainFormat) return {};
    image.set_format(data, bits(w[1], 26, 4));
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
    image.min_lod_ = unsigned_fixed(bits(w[1], 8, 12), 8);

    SurfaceShape shape;
    shape.base = (uint64_t{w[1] & 0xff} << 32 | w[0]) << 8;
    shape.mode = SwizzleMode(bits(w[3], 20, 5));
    shape.element_bits = static_cast<uint8_t>(std::bit_width(image.format_.bytes()) - 1);
    shape.image_3d = is_3d;
    shape.levels = static_cast<uint8_t>(bits(w[5], 28, 4) + 1);
    shape.width = image.width_;
    shape.height = image.height_;
    shape.depth = is_3d ? depth + 1 : 1;
    shape.pitch = bits(w[4], 13, 16) + 1;
    image.surface_ = Surface::create(shape, addresses);
    if (!image.surface_) return {};
    return image;
}

void Image::set_format(uint32_t data, uint32_t number) {
    srgb_ = number == kSrgb;
    if (srgb_ || number == kUnormUint) number = kUnorm;
    format_ = {data, number};
}

bool Image::is_array() const {
    return type_ == ImageType::k1DArray || type_ == ImageType::k2DArray ||
           type_ == ImageType::kCube;
}

unsigned Image::dimensions() const {
    switch (type_) {
        case ImageType::k1D:
        case ImageType::k1DArray:
            return 1;
        case ImageType::k3D:
            return 3;
        default:
            return 2;
    }
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

bool Image::load(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t z, unsigned level,
                 Texel& texel) const {
    uint8_t raw[16] = {};
    if (!memory.read(address(x, y, z, level), raw, format_.bytes())) return false;
    Texel stored;
    unpack_texel(format_, raw, stored.data());
    if (srgb_)
        for (unsigned i = 0; i < 3; i++) stored[i] = as_word(srgb_to_linear(as_float(stored[i])));
    texel = selected(stored);
    return true;
}

bool Image::store(ShaderMemory& memory, uint32_t x, uint32_t y, uint32_t z, unsigned level,
                  const Texel& texel) const {
    Texel stored{};
    for (unsigned i = 0; i < 4; i++)
        if (select_[i] >= kSelectX) stored[select_[i] - kSelectX] = texel[i];
    if (srgb_)
        for (unsigned i = 0; i < 3; i++) stored[i] = as_word(linear_to_srgb(as_float(stored[i])));
    uint8_t raw[16] = {};
    pack_texel(format_, stored.data(), raw);
    return memory.write(address(x, y, z, level), raw, format_.bytes());
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
