#include "simgpu/intel/surface/format.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string_view>
#include <unordered_map>

namespace simgpu::intel {

namespace {

struct Row {
    uint16_t number;
    const char* name;
};

// SURFACE_FORMAT (PRM volume 2d): channels from the lowest bit on.
// clang-format off
constexpr Row kRows[] = {
    {0x000, "R32G32B32A32_FLOAT"},
    {0x001, "R32G32B32A32_SINT"},
    {0x002, "R32G32B32A32_UINT"},
    {0x003, "R32G32B32A32_UNORM"},
    {0x004, "R32G32B32A32_SNORM"},
    {0x006, "R32G32B32X32_FLOAT"},
    {0x040, "R32G32B32_FLOAT"},
    {0x041, "R32G32B32_SINT"},
    {0x042, "R32G32B32_UINT"},
    {0x043, "R32G32B32_UNORM"},
    {0x044, "R32G32B32_SNORM"},
    {0x080, "R16G16B16A16_UNORM"},
    {0x081, "R16G16B16A16_SNORM"},
    {0x082, "R16G16B16A16_SINT"},
    {0x083, "R16G16B16A16_UINT"},
    {0x084, "R16G16B16A16_FLOAT"},
    {0x085, "R32G32_FLOAT"},
    {0x086, "R32G32_SINT"},
    {0x087, "R32G32_UINT"},
    {0x08b, "R32G32_UNORM"},
    {0x08c, "R32G32_SNORM"},
    {0x08e, "R16G16B16X16_UNORM"},
    {0x08f, "R16G16B16X16_FLOAT"},
    {0x090, "A32X32_FLOAT"},
    {0x0c0, "B8G8R8A8_UNORM"},
    {0x0c1, "B8G8R8A8_UNORM_SRGB"},
    {0x0c2, "R10G10B10A2_UNORM"},
    {0x0c3, "R10G10B10A2_UNORM_SRGB"},
    {0x0c4, "R10G10B10A2_UINT"},
    {0x0c7, "R8G8B8A8_UNORM"},
    {0x0c8, "R8G8B8A8_UNORM_SRGB"},
    {0x0c9, "R8G8B8A8_SNORM"},
    {0x0ca, "R8G8B8A8_SINT"},
    {0x0cb, "R8G8B8A8_UINT"},
    {0x0cc, "R16G16_UNORM"},
    {0x0cd, "R16G16_SNORM"},
    {0x0ce, "R16G16_SINT"},
    {0x0cf, "R16G16_UINT"},
    {0x0d0, "R16G16_FLOAT"},
    {0x0d1, "B10G10R10A2_UNORM"},
    {0x0d2, "B10G10R10A2_UNORM_SRGB"},
    {0x0d3, "R11G11B10_FLOAT"},
    {0x0d6, "R32_SINT"},
    {0x0d7, "R32_UINT"},
    {0x0d8, "R32_FLOAT"},
    {0x0de, "A32_UNORM"},
    {0x0e2, "A24X8_UNORM"},
    {0x0e5, "A32_FLOAT"},
    {0x0e9, "B8G8R8X8_UNORM"},
    {0x0ea, "B8G8R8X8_UNORM_SRGB"},
    {0x0eb, "R8G8B8X8_UNORM"},
    {0x0ec, "R8G8B8X8_UNORM_SRGB"},
    {0x0ee, "B10G10R10X2_UNORM"},
    {0x0f1, "R32_UNORM"},
    {0x0f2, "R32_SNORM"},
    {0x100, "B5G6R5_UNORM"},
    {0x101, "B5G6R5_UNORM_SRGB"},
    {0x102, "B5G5R5A1_UNORM"},
    {0x103, "B5G5R5A1_UNORM_SRGB"},
    {0x104, "B4G4R4A4_UNORM"},
    {0x105, "B4G4R4A4_UNORM_SRGB"},
    {0x106, "R8G8_UNORM"},
    {0x107, "R8G8_SNORM"},
    {0x108, "R8G8_SINT"},
    {0x109, "R8G8_UINT"},
    {0x10a, "R16_UNORM"},
    {0x10b, "R16_SNORM"},
    {0x10c, "R16_SINT"},
    {0x10d, "R16_UINT"},
    {0x10e, "R16_FLOAT"},
    {0x113, "A16_UNORM"},
    {0x117, "A16_FLOAT"},
    {0x11a, "B5G5R5X1_UNORM"},
    {0x11b, "B5G5R5X1_UNORM_SRGB"},
    {0x124, "A1B5G5R5_UNORM"},
    {0x125, "A4B4G4R4_UNORM"},
    {0x140, "R8_UNORM"},
    {0x141, "R8_SNORM"},
    {0x142, "R8_SINT"},
    {0x143, "R8_UINT"},
    {0x144, "A8_UNORM"},
    {0x193, "R8G8B8_UNORM"},
    {0x194, "R8G8B8_SNORM"},
    {0x19b, "R16G16B16_FLOAT"},
    {0x19c, "R16G16B16_UNORM"},
    {0x19d, "R16G16B16_SNORM"},
    {0x1a8, "R8G8B8_UNORM_SRGB"},
    {0x1b0, "R16G16B16_UINT"},
    {0x1b1, "R16G16B16_SINT"},
    {0x1b3, "R10G10B10A2_SNORM"},
    {0x1b6, "R10G10B10A2_SINT"},
    {0x1b7, "B10G10R10A2_SNORM"},
    {0x1ba, "B10G10R10A2_UINT"},
    {0x1bb, "B10G10R10A2_SINT"},
    {0x1c8, "R8G8B8_UINT"},
    {0x1c9, "R8G8B8_SINT"},
};
// clang-format on

/// Parses a name such as "R8G8B8A8_UNORM".
Format parse(const char* name) {
    Format format;
    format.name = name;
    std::string_view rest(name);
    unsigned bit = 0;
    while (!rest.empty() && rest[0] != '_') {
        constexpr std::string_view kComponents = "RGBAX";
        Format::Channel& channel = format.channel[format.channels++];
        channel.component = static_cast<uint8_t>(kComponents.find(rest[0]));
        channel.first_bit = static_cast<uint8_t>(bit);
        rest.remove_prefix(1);
        unsigned bits = 0;
        for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9'; rest.remove_prefix(1))
            bits = bits * 10 + static_cast<unsigned>(rest[0] - '0');
        channel.bits = static_cast<uint8_t>(bits);
        bit += bits;
    }
    format.bytes = static_cast<uint8_t>(bit / 8);
    constexpr std::string_view kSuffixes[] = {"_UNORM", "_UNORM_SRGB", "_SNORM",
                                              "_UINT",  "_SINT",       "_FLOAT"};
    format.numbers = static_cast<Numbers>(std::ranges::find(kSuffixes, rest) - kSuffixes);
    return format;
}

using Table = std::unordered_map<uint32_t, Format>;

Table make_table() {
    Table table;
    for (const Row& row : kRows) table[row.number] = parse(row.name);
    return table;
}

uint32_t bits_of(const std::byte* pixel, const Format& format, const Format::Channel& channel) {
    // Channels of 32 bits are aligned; others lie within 64 bits.
    uint64_t word = 0;
    const size_t byte = channel.first_bit / 8;
    std::memcpy(&word, pixel + byte, std::min<size_t>(8, format.bytes - byte));
    return static_cast<uint32_t>(word >> (channel.first_bit % 8) &
                                 ((uint64_t{1} << channel.bits) - 1));
}

void set_bits(std::byte* pixel, const Format& format, const Format::Channel& channel,
              uint32_t value) {
    uint64_t word = 0;
    const size_t byte = channel.first_bit / 8;
    const size_t size = std::min<size_t>(8, format.bytes - byte);
    std::memcpy(&word, pixel + byte, size);
    const uint64_t mask = (uint64_t{1} << channel.bits) - 1;
    const unsigned shift = channel.first_bit % 8;
    word = (word & ~(mask << shift)) | (value & mask) << shift;
    std::memcpy(pixel + byte, &word, size);
}

/// Floats of 10, 11 and 16 bits have 5 bits of exponent; the small ones no sign.
float small_float(uint32_t bits, unsigned width) {
    const unsigned mantissa_bits = width == 16 ? 10 : width - 5;
    const uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
    const uint32_t exponent = bits >> mantissa_bits & 31;
    const float sign = width == 16 && bits >> 15 ? -1.0f : 1.0f;
    const auto scale = static_cast<float>(1u << mantissa_bits);
    const float fraction = static_cast<float>(mantissa) / scale;
    if (exponent == 31) return mantissa ? NAN : sign * INFINITY;
    if (exponent == 0) return sign * std::ldexp(fraction, -14);
    return sign * std::ldexp(1 + fraction, static_cast<int>(exponent) - 15);
}

uint32_t to_small_float(float value, unsigned width) {
    const unsigned mantissa_bits = width == 16 ? 10 : width - 5;
    const uint32_t sign = width == 16 && std::signbit(value) ? 0x8000 : 0;
    if (std::isnan(value)) return sign | (31u << mantissa_bits) | 1;
    if (width != 16 && value <= 0) return 0;
    const float magnitude = std::fabs(value);
    if (magnitude == 0) return sign;  // it has no exponent
    if (std::isinf(value)) return sign | 31u << mantissa_bits;
    int exponent = 0;
    std::frexp(magnitude, &exponent);
    const int step = std::max(exponent - 1, -14) - static_cast<int>(mantissa_bits);
    const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, -step)));
    const int biased = std::max(exponent - 1, -14) + 15;
    // A carry out of the mantissa raises the exponent by itself.
    const uint32_t bits =
        exponent - 1 < -14 ? units : (static_cast<uint32_t>(biased - 1) << mantissa_bits) + units;
    return sign | std::min(bits, (31u << mantissa_bits) - (width == 16 ? 0 : 1));
}

float from_srgb(float value) {
    return value <= 0.04045f ? value / 12.92f : std::pow((value + 0.055f) / 1.055f, 2.4f);
}
float to_srgb(float value) {
    return value <= 0.0031308f ? value * 12.92f : 1.055f * std::pow(value, 1 / 2.4f) - 0.055f;
}

int32_t sign_extend(uint32_t value, unsigned bits) {
    const unsigned shift = 32 - bits;
    return static_cast<int32_t>(value << shift) >> shift;
}

uint32_t float_bits(double value) {
    return std::bit_cast<uint32_t>(static_cast<float>(value));
}

uint32_t unpack_channel(const Format& format, const Format::Channel& channel, uint32_t bits) {
    const double largest = std::ldexp(1.0, channel.bits) - 1;
    switch (format.numbers) {
        case Numbers::kUint:
            return bits;
        case Numbers::kSint:
            return static_cast<uint32_t>(sign_extend(bits, channel.bits));
        case Numbers::kFloat:
            return channel.bits == 32 ? bits : float_bits(small_float(bits, channel.bits));
        case Numbers::kSnorm:
            return float_bits(
                std::max(sign_extend(bits, channel.bits) / ((largest - 1) / 2), -1.0));
        case Numbers::kSrgb:
            if (channel.component < 3)
                return float_bits(from_srgb(static_cast<float>(bits / largest)));
            [[fallthrough]];
        case Numbers::kUnorm:
            break;
    }
    return float_bits(bits / largest);
}

uint32_t pack_channel(const Format& format, const Format::Channel& channel, uint32_t lane) {
    const double largest = std::ldexp(1.0, channel.bits) - 1;
    const auto number = std::bit_cast<float>(lane);
    const double value = std::isnan(number) ? 0 : number;
    switch (format.numbers) {
        case Numbers::kUint:
            return std::min(lane, static_cast<uint32_t>(largest));
        case Numbers::kSint: {
            const auto most = static_cast<int64_t>(largest / 2);
            return static_cast<uint32_t>(
                std::clamp<int64_t>(static_cast<int32_t>(lane), -most - 1, most));
        }
        case Numbers::kFloat:
            return channel.bits == 32 ? lane : to_small_float(number, channel.bits);
        case Numbers::kSnorm:
            return static_cast<uint32_t>(static_cast<int64_t>(
                std::nearbyint(std::clamp(value, -1.0, 1.0) * ((largest - 1) / 2))));
        case Numbers::kSrgb:
            if (channel.component < 3)
                return static_cast<uint32_t>(std::nearbyint(
                    to_srgb(static_cast<float>(std::clamp(value, 0.0, 1.0))) * largest));
            [[fallthrough]];
        case Numbers::kUnorm:
            break;
    }
    return static_cast<uint32_t>(std::nearbyint(std::clamp(value, 0.0, 1.0) * largest));
}

}  // namespace

bool Format::has(unsigned component) const {
    return std::any_of(channel.begin(), channel.begin() + channels,
                       [&](const Channel& one) { return one.component == component; });
}

const Format* find_format(uint32_t number) {
    static const Table* const table = new Table(make_table());  // ring threads outlive statics
    const auto found = table->find(number);
    return found == table->end() ? nullptr : &found->second;
}

Texel missing_texel(const Format& format) {
    return {0, 0, 0, format.is_integer() ? 1 : std::bit_cast<uint32_t>(1.0f)};
}

Texel unpack(const Format& format, const std::byte* pixel) {
    Texel texel = missing_texel(format);
    for (unsigned i = 0; i < format.channels; i++) {
        const Format::Channel& channel = format.channel[i];
        if (channel.component > 3) continue;
        texel[channel.component] = unpack_channel(format, channel, bits_of(pixel, format, channel));
    }
    return texel;
}

void pack(const Format& format, const Texel& texel, std::byte* pixel) {
    for (unsigned i = 0; i < format.channels; i++) {
        const Format::Channel& channel = format.channel[i];
        const uint32_t lane = channel.component > 3 ? 0 : texel[channel.component];
        set_bits(pixel, format, channel, pack_channel(format, channel, lane));
    }
}

}  // namespace simgpu::intel
