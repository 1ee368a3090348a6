#include "simgpu/amd/gfx9/draw/colour_targets.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/wave/half.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers). The registers of target n lie kStride * n further on.
constexpr uint32_t kTargetMask = 0x28238, kShaderMask = 0x2823c, kBlendConstant = 0x28414;
constexpr uint32_t kExportFormats = 0x28714, kBlendControl = 0x28780, kPitch = 0x287a0;
constexpr uint32_t kColourControl = 0x28808;
constexpr uint32_t kBase = 0x28c60, kSize = 0x28c68, kView = 0x28c6c, kInfo = 0x28c70;
constexpr uint32_t kAttributes = 0x28c74, kStride = 0x3c;

constexpr uint8_t kRopCopy = 0xcc;
constexpr uint32_t kModeDisable = 0, kModeNormal = 1;  // CB_COLOR_CONTROL.MODE
constexpr uint32_t kResource3d = 2;                    // RESOURCE_TYPE

// SPI_SHADER_EX_FORMAT.
enum ExportFormat : unsigned {
    kNothing,
    k32R,
    k32Gr,
    k32Ar,
    kFp16,
    kUnorm16,
    kSnorm16,
    kUint16,
    kSint16,
    k32Abgr,
};

uint32_t convert_component(unsigned format, uint32_t word) {
    const auto half = static_cast<uint16_t>(word);
    const auto signed_half = static_cast<int16_t>(half);
    switch (format) {
        case kFp16:
            return as_word(half_to_float(half));
        case kUnorm16:
            return as_word(static_cast<float>(half) / 65535.0f);
        case kSnorm16:
            return as_word(std::max(static_cast<float>(signed_half) / 32767.0f, -1.0f));
        case kUint16:
            return half;
        case kSint16:
            return static_cast<uint32_t>(int32_t{signed_half});
        default:
            return word;
    }
}

// Components that the formats of fewer than four leave out.
unsigned components_of(unsigned format) {
    switch (format) {
        case kNothing:
            return 0;
        case k32R:
            return 1;
        case k32Gr:
            return 3;
        case k32Ar:
            return 9;
        default:
            return 15;
    }
}

float clamped(float value, float low, float high) {
    return value > low ? std::min(value, high) : low;  // NaN: low
}

}  // namespace

void convert_export(unsigned format, const ExportTarget& target, unsigned lane,
                    uint32_t (&colour)[4]) {
    const unsigned there = components_of(format) & target.enabled;
    for (unsigned i = 0; i < 4; i++)
        colour[i] = there >> i & 1 ? convert_component(format, target.component[i].lane[lane]) : 0;
}

ColourTargets::ColourTargets(const RegisterReader& registers, AddressConfig addresses,
                             ShaderMemory& memory)
    : memory_(memory) {
    const uint32_t control = registers(kColourControl), mode = bits(control, 4, 3);
    if (mode == kModeDisable) return;
    rop3_ = static_cast<uint8_t>(bits(control, 16, 8));
    for (unsigned i = 0; i < 4; i++) constant_.c[i] = as_float(registers(kBlendConstant + 4 * i));
    for (unsigned i = 0; i < kColourTargets; i++) {
        targets_[i] = read_target(registers, i, addresses);
        any_ = any_ || targets_[i].used;
    }
    if (any_ && mode != kModeNormal)
        problem_ = fmt::format("CB_COLOR_CONTROL: mode {} is not simulated", mode);
}

ColourTargets::Target ColourTargets::read_target(const RegisterReader& registers, unsigned index,
                                                 AddressConfig addresses) {
    const auto at = [&](uint32_t first) { return registers(first + kStride * index); };
    const uint32_t info = at(kInfo), size = at(kSize), view = at(kView),
                   attributes = at(kAttributes);
    const unsigned mask = bits(registers(kTargetMask) & registers(kShaderMask), 4 * index, 4);
    Target target;
    target.export_format = bits(registers(kExportFormats), 4 * index, 4);
    const uint32_t format = bits(info, 2, 5);
    if (!mask || !format || !target.export_format) return target;
    target.used = true;
    target.format = ColourFormat(format, bits(info, 8, 3), bits(info, 11, 2));
    target.blend = BlendState::from_register(registers(kBlendControl + 4 * index));
    if (bit_of(info, 16) || target.format.is_integer())
        target.blend.enabled = false;  // BLEND_BYPASS

    SurfaceShape shape;
    shape.base = (uint64_t{at(kBase + 4) & 0xff} << 32 | at(kBase)) << 8;
    shape.mode = SwizzleMode(bits(attributes, 18, 5));
    shape.element_bits = static_cast<uint8_t>(std::bit_width(target.format.bytes()) - 1);
    shape.image_3d = bits(attributes, 28, 2) == kResource3d;
    shape.levels = static_cast<uint8_t>(bits(size, 28, 4) + 1);
    shape.width = bits(size, 14, 14) + 1;
    shape.height = bits(size, 0, 14) + 1;
    shape.depth = bits(attributes, 0, 11) + 1;
    shape.pitch = bits(registers(kPitch + 4 * index), 0, 16) + 1;
    target.surface = Surface::create(shape, addresses);
    target.slice = bits(view, 0, 11);
    target.level = bits(view, 24, 4);

    Pixel all{};
    target.format.mask(mask, target.write_mask.data());
    target.format.mask(15, all.data());
    target.whole_pixel = target.write_mask == all;
    check(info, attributes, index, target);
    return target;
}

void ColourTargets::check(uint32_t info, uint32_t attributes, unsigned index,
                          const Target& target) {
    const auto report = [&](const char* what) {
        if (problem_.empty()) problem_ = fmt::format("CB_COLOR{}_INFO: {}", index, what);
    };
    if (!std::has_single_bit(target.format.bytes()))
        report(fmt::format("format {} is not simulated", bits(info, 2, 5)).c_str());
    if (!target.surface) report("reserved swizzle mode");
    if (bits(info, 13, 2)) report("fast clears and FMASK are not simulated");
    if (bit_of(info, 28)) report("DCC is not simulated");
    if (bits(attributes, 12, 3)) report("several samples are not simulated");
    if (target.blend.uses_second_source()) report("blending with two sources is not simulated");
}

bool ColourTargets::write(const GraphicsWave& wave, unsigned lane, uint32_t x, uint32_t y,
                          uint32_t layer) {
    for (unsigned i = 0; i < kColourTargets; i++) {
        const Target& target = targets_[i];
        if (!target.used || !(wave.colour[i].mask >> lane & 1)) continue;
        const uint64_t va = target.surface->address(x, y, target.slice + layer, target.level);
        if (!write_target(target, wave.colour[i], lane, va)) return false;
    }
    return true;
}

bool ColourTargets::write_target(const Target& target, const ExportTarget& exported, unsigned lane,
                                 uint64_t va) {
    const unsigned bytes = target.format.bytes();
    uint32_t colour[4];
    convert_export(target.export_format, exported, lane, colour);
    Pixel pixel{}, old{};
    const bool logic = rop3_ != kRopCopy && !target.blend.enabled;
    if (target.blend.enabled || logic || !target.whole_pixel)
        if (!memory_.read(va, old.data(), bytes)) return false;
    if (target.blend.enabled) apply_blend(target, old, colour);
    target.format.pack(colour, pixel.data());
    for (unsigned i = 0; i < bytes; i++) {
        if (logic) pixel[i] = logic_operation(rop3_, pixel[i], old[i]);
        const uint8_t mask = target.whole_pixel ? 0xff : target.write_mask[i];
        pixel[i] = static_cast<uint8_t>((pixel[i] & mask) | (old[i] & ~mask));
    }
    return memory_.write(va, pixel.data(), bytes);
}

void ColourTargets::apply_blend(const Target& target, const Pixel& old,
                                uint32_t (&colour)[4]) const {
    uint32_t before[4];
    target.format.unpack(old.data(), before);
    Colour source, destination, constant = constant_;
    const float low = target.format.is_snorm() ? -1.0f : 0.0f;
    for (unsigned i = 0; i < 4; i++) {
        source.c[i] = as_float(colour[i]);
        destination.c[i] = as_float(before[i]);
        // Formats that end at 1 clamp what they are blended with.
        if (!target.format.is_unorm() && !target.format.is_snorm()) continue;
        source.c[i] = clamped(source.c[i], low, 1);
        constant.c[i] = clamped(constant.c[i], low, 1);
    }
    const Colour result = blend(target.blend, source, destination, constant);
    for (unsigned i = 0; i < 4; i++) colour[i] = as_word(result.c[i]);
}

}  // namespace simgpu::gfx9::draw
