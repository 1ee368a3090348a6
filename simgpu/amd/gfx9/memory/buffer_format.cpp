#include "simgpu/amd/gfx9/memory/buffer_format.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>

#include "simgpu/amd/gfx9/wave/float_math.h"
#include "simgpu/amd/gfx9/wave/half.h"

namespace simgpu::gfx9 {

namespace {

// BUF_NUM_FORMAT.
enum Number : uint32_t { kUnorm, kSnorm, kUscaled, kSscaled, kUint, kSint, kReserved, kFloat };

// Bits of each component, lowest first, by BUF_DATA_FORMAT. The names list them highest first.
struct Layout {
    uint8_t bits[4];
};
constexpr Layout kLayouts[] = {
    {},                  // invalid
    {{8}},               // 8
    {{16}},              // 16
    {{8, 8}},            // 8_8
    {{32}},              // 32
    {{16, 16}},          // 16_16
    {{11, 11, 10}},      // 10_11_11
    {{10, 11, 11}},      // 11_11_10
    {{2, 10, 10, 10}},   // 10_10_10_2
    {{10, 10, 10, 2}},   // 2_10_10_10
    {{8, 8, 8, 8}},      // 8_8_8_8
    {{32, 32}},          // 32_32
    {{16, 16, 16, 16}},  // 16_16_16_16
    {{32, 32, 32}},      // 32_32_32
    {{32, 32, 32, 32}},  // 32_32_32_32
    {},                  // reserved
    // Of images and colour buffers only.
    {{5, 6, 5}},     // 5_6_5
    {{5, 5, 5, 1}},  // 1_5_5_5
    {{1, 5, 5, 5}},  // 5_5_5_1
    {{4, 4, 4, 4}},  // 4_4_4_4
    {{24, 8}},       // 8_24
    {{8, 24}},       // 24_8
    {{32, 8, 24}},   // X24_8_32
    // Compressed, and others that are not here.
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {},
    {{9, 9, 9, 5}},  // 5_9_9_9: mantissas, and their exponent
};

const Layout& layout_of(BufferFormat format) {
    return kLayouts[format.data < std::size(kLayouts) ? format.data : 0];
}

uint32_t mask_of(unsigned bits) {
    return bits == 32 ? ~0u : (1u << bits) - 1;
}
int32_t sign_extend(uint32_t raw, unsigned bits) {
    return static_cast<int32_t>(raw << (32 - bits)) >> (32 - bits);
}

float small_float(uint32_t raw, unsigned bits) {
    // The unsigned 11- and 10-bit floats are halves without a sign and with a shorter mantissa.
    if (bits == 11) return half_to_float(static_cast<uint16_t>(raw << 4));
    if (bits == 10) return half_to_float(static_cast<uint16_t>(raw << 5));
    return half_to_float(static_cast<uint16_t>(raw));
}

uint32_t decode(uint32_t raw, unsigned bits, uint32_t number) {
    const float unsigned_value = static_cast<float>(raw);
    const float signed_value = static_cast<float>(sign_extend(raw, bits));
    switch (number) {
        case kUnorm:
            return std::bit_cast<uint32_t>(
                static_cast<float>(static_cast<double>(raw) / static_cast<double>(mask_of(bits))));
        case kSnorm: {
            const double scale = static_cast<double>(mask_of(bits) >> 1);
            const double value = static_cast<double>(sign_extend(raw, bits)) / scale;
            return std::bit_cast<uint32_t>(static_cast<float>(value < -1.0 ? -1.0 : value));
        }
        case kUscaled:
            return std::bit_cast<uint32_t>(unsigned_value);
        case kSscaled:
            return std::bit_cast<uint32_t>(signed_value);
        case kSint:
            return static_cast<uint32_t>(sign_extend(raw, bits));
        case kFloat:
            return bits == 32 ? raw : std::bit_cast<uint32_t>(small_float(raw, bits));
        default:
            return raw;
    }
}

/// Bytes as unorm floats.
const std::array<uint32_t, 256>& unorm_bytes() {
    static const auto table = [] {
        std::array<uint32_t, 256> values{};
        for (uint32_t raw = 0; raw < values.size(); raw++) values[raw] = decode(raw, 8, kUnorm);
        return values;
    }();
    return table;
}

/// Four unorm bytes, lowest first. The same as encode(): the only number half-way between two bytes
/// is 0.5, which goes up.
uint32_t unorm_bytes_of(const uint32_t components[4]) {
    float limited[4];
    for (unsigned i = 0; i < 4; i++) {
        const auto value = std::bit_cast<float>(components[i]);
        const float positive = value > 0.0f ? value : 0.0f;  // NaN: 0
        limited[i] = positive < 1.0f ? positive : 1.0f;
    }
    int32_t whole[4];
    for (unsigned i = 0; i < 4; i++)
        whole[i] = static_cast<int32_t>(static_cast<double>(limited[i]) * 255.0 + 0.5);
    return static_cast<uint32_t>(whole[0] | whole[1] << 8 | whole[2] << 16) |
           static_cast<uint32_t>(whole[3]) << 24;
}

/// The format of most textures and colour buffers.
bool is_rgba8(BufferFormat format) {
    constexpr uint32_t k8888 = 10;
    return format.data == k8888 && format.number == kUnorm;
}

uint32_t encode_small_float(float value, unsigned bits) {
    if (bits == 16) return float_to_half(value);
    const uint32_t half = float_to_half(value > 0.0f || is_nan(value) ? value : 0.0f);
    return (half & 0x7fff) >> (bits == 11 ? 4 : 5);
}

uint32_t encode(uint32_t component, unsigned bits, uint32_t number) {
    const auto value = std::bit_cast<float>(component);
    const uint32_t mask = mask_of(bits);
    switch (number) {
        case kUnorm: {
            const double scaled =
                static_cast<double>(median(value, 0.0f, 1.0f)) * static_cast<double>(mask);
            return saturating_cast<uint32_t>(round_even(scaled)) & mask;
        }
        case kSnorm: {
            const double scaled =
                static_cast<double>(median(value, -1.0f, 1.0f)) * static_cast<double>(mask >> 1);
            return static_cast<uint32_t>(saturating_cast<int32_t>(round_even(scaled))) & mask;
        }
        case kUscaled: {
            const uint32_t whole = saturating_cast<uint32_t>(value);
            return whole > mask ? mask : whole;
        }
        case kSscaled:
            return static_cast<uint32_t>(saturating_cast<int32_t>(value)) & mask;
        case kFloat:
            return bits == 32 ? component : encode_small_float(value, bits);
        default:
            return component & mask;
    }
}

/// 5_9_9_9: three numbers without a sign or a leading one (EXT_texture_shared_exponent).
void unpack_shared_exponent(const uint8_t* element, uint32_t components[4]) {
    uint32_t word;
    std::memcpy(&word, element, sizeof word);
    const int exponent = static_cast<int>(word >> 27) - 15 - 9;
    for (unsigned i = 0; i < 3; i++) {
        const auto mantissa = static_cast<float>(word >> (9 * i) & mask_of(9));
        components[i] = std::bit_cast<uint32_t>(std::ldexp(mantissa, exponent));
    }
    components[3] = std::bit_cast<uint32_t>(1.0f);
}

uint32_t extract(const uint8_t* element, unsigned bit, unsigned bits) {
    uint64_t raw = 0;
    std::memcpy(&raw, element + bit / 8, (bit % 8 + bits + 7) / 8);
    return static_cast<uint32_t>(raw >> (bit % 8)) & mask_of(bits);
}

void insert(uint8_t* element, unsigned bit, unsigned bits, uint32_t value) {
    uint64_t raw = 0;
    const unsigned bytes = (bit % 8 + bits + 7) / 8;
    std::memcpy(&raw, element + bit / 8, bytes);
    raw |= static_cast<uint64_t>(value) << (bit % 8);
    std::memcpy(element + bit / 8, &raw, bytes);
}

}  // namespace

unsigned BufferFormat::bytes() const {
    static constexpr auto kBytes = [] {
        std::array<uint8_t, std::size(kLayouts)> bytes{};
        for (size_t i = 0; i < bytes.size(); i++) {
            unsigned bits = 0;
            for (const uint8_t b : kLayouts[i].bits) bits += b;
            bytes[i] = static_cast<uint8_t>(bits / 8);
        }
        return bytes;
    }();
    return kBytes[data < kBytes.size() ? data : 0];
}

unsigned BufferFormat::components() const {
    unsigned count = 0;
    for (uint8_t b : layout_of(*this).bits) count += b != 0;
    return count;
}

unsigned BufferFormat::component_bits(unsigned component) const {
    return layout_of(*this).bits[component];
}

void unpack_texel(BufferFormat format, const uint8_t* element, uint32_t components[4]) {
    if (is_rgba8(format)) {
        const auto& table = unorm_bytes();
        for (unsigned i = 0; i < 4; i++) components[i] = table[element[i]];
        return;
    }
    if (format.data == kSharedExponent) return unpack_shared_exponent(element, components);
    const uint32_t one = format.is_integer() ? 1u : std::bit_cast<uint32_t>(1.0f);
    const uint32_t missing[4] = {0, 0, 0, one};
    unsigned bit = 0;
    for (unsigned i = 0; i < 4; i++) {
        const unsigned bits = layout_of(format).bits[i];
        components[i] =
            bits ? decode(extract(element, bit, bits), bits, format.number) : missing[i];
        bit += bits;
    }
}

void pack_greatest(BufferFormat format, unsigned mask, uint8_t* element) {
    std::memset(element, 0, format.bytes());
    unsigned bit = 0;
    for (unsigned i = 0; i < 4; i++) {
        const unsigned bits = layout_of(format).bits[i];
        if (!bits) continue;
        const uint32_t all = mask_of(bits);
        const uint32_t greatest = format.number == kUint ? all
                                  : format.number == kSint
                                      ? all >> 1
                                      : encode(std::bit_cast<uint32_t>(1.0f), bits, format.number);
        if (mask >> i & 1) insert(element, bit, bits, greatest);
        bit += bits;
    }
}

void pack_texel(BufferFormat format, const uint32_t components[4], uint8_t* element) {
    if (is_rgba8(format)) {
        const uint32_t bytes = unorm_bytes_of(components);
        std::memcpy(element, &bytes, sizeof bytes);
        return;
    }
    std::memset(element, 0, format.bytes());
    unsigned bit = 0;
    for (unsigned i = 0; i < 4; i++) {
        const unsigned bits = layout_of(format).bits[i];
        if (!bits) continue;
        insert(element, bit, bits, encode(components[i], bits, format.number));
        bit += bits;
    }
}

}  // namespace simgpu::gfx9
