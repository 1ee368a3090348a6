#include "simgpu/amd/gfx9/draw/colour_targets.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/registers.h"
#include "simgpu/amd/gfx9/wave/half.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers). The registers of target n lie kColourStride * n further
// on.
constexpr uint32_t kTargetMask = 0x28238, kShaderMask = 0x2823c, kBlendConstant = 0x28414;
constexpr uint32_t kExportFormats = 0x28714, kBlendControl = 0x28780;
constexpr uint32_t kColourControl = 0x28808;

constexpr uint8_t kRopCopy = 0xcc;

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

/// The shader's first export is for the first target that CB_SHADER_MASK names, and so on.
unsigned export_of(uint32_t shader_mask, unsigned target) {
    unsigned number = 0;
    for (unsigned i = 0; i < target; i++) number += bits(shader_mask, 4 * i, 4) != 0;
    return number;
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
    if (mode > static_cast<uint32_t>(Mode::kDccDecompress)) {
        problem_ = fmt::format("CB_COLOR_CONTROL: mode {} does not exist", mode);
        return;
    }
    mode_ = static_cast<Mode>(mode);
    if (mode_ == Mode::kDisable) return;
    rop3_ = static_cast<uint8_t>(bits(control, 16, 8));
    for (unsigned i = 0; i < 4; i++) constant_.c[i] = as_float(registers(kBlendConstant + 4 * i));
    for (unsigned i = 0; i < kColourTargets; i++) {
        targets_[i] = read_target(registers, i, addresses);
        any_ = any_ || targets_[i].used;
    }
    check();
    for (uint8_t i = 0; i < kColourTargets; i++)
        if (targets_[i].used) used_[used_count_++] = i;
}

ColourTargets::Target ColourTargets::read_target(const RegisterReader& registers, unsigned index,
                                                 AddressConfig addresses) {
    const uint32_t info = registers(kColourInfo + kColourStride * index);
    const unsigned mask = bits(registers(kTargetMask) & registers(kShaderMask), 4 * index, 4);
    Target target;
    target.source = export_of(registers(kShaderMask), index);
    target.export_format = bits(registers(kExportFormats), 4 * target.source, 4);
    const uint32_t format = bits(info, 2, 5);
    if (mode_ == Mode::kNormal)
        target.used = mask && format && target.export_format;
    else if (mode_ == Mode::kResolve)
        target.used = format && index < 2;
    else
        target.used = format && bits(registers(kTargetMask), 4 * index, 4);
    if (!target.used) return target;
    target.format = ColourFormat(format, bits(info, 8, 3), bits(info, 11, 2));
    target.blend = BlendState::from_register(registers(kBlendControl + 4 * index));
    if (bit_of(info, 16) || target.format.is_integer())
        target.blend.enabled = false;  // BLEND_BYPASS
    target.surface = ColourSurface(registers, index, target.format, addresses);
    Element all{};
    target.format.mask(mask, target.write_mask.data());
    target.format.mask(15, all.data());
    target.whole_pixel = target.write_mask == all;
    return target;
}

uint32_t ColourTargets::last_layer() const {
    uint32_t last = ~0u;
    for (const uint8_t number : used())
        last = std::min(last, targets_[number].surface.last_layer());
    return last;
}

void ColourTargets::check() {
    second_source_ = targets_[0].used && targets_[0].blend.uses_second_source();
    if (mode_ == Mode::kNormal && second_source_) targets_[1].used = false;
    const Target* first = nullptr;
    for (unsigned i = 0; i < kColourTargets; i++) {
        const Target& target = targets_[i];
        if (!target.used) continue;
        if (problem_.empty()) problem_ = target.surface.problem();
        if (i > 0 && mode_ == Mode::kNormal && target.blend.uses_second_source())
            problem_ = "CB_BLEND_CONTROL: only target 0 has a second source";
        if (!first)
            first = &target;
        else if (mode_ != Mode::kResolve &&
                 first->surface.sample_bits() != target.surface.sample_bits())
            problem_ = "CB_COLOR_ATTRIB: colour buffers differ in their numbers of samples";
    }
    if (first) sample_bits_ = first->surface.sample_bits();
    if (mode_ == Mode::kResolve && any_ &&
        (!targets_[0].used || !targets_[1].used || targets_[1].surface.sample_bits()))
        problem_ = "CB_COLOR_CONTROL: a resolve without a source and a destination";
}

const std::string& ColourTargets::problem() const {
    if (problem_.empty())
        for (const uint8_t i : used())
            if (!targets_[i].surface.problem().empty()) return targets_[i].surface.problem();
    return problem_;
}

float ColourTargets::alpha(const GraphicsWave& wave, unsigned lane) const {
    uint32_t colour[4];
    convert_export(targets_[0].export_format, wave.colour[0], lane, colour);
    return as_float(colour[3]);
}

bool ColourTargets::write(const GraphicsWave& wave, unsigned lane, const Pixel& pixel,
                          uint8_t samples) {
    if (mode_ == Mode::kNormal) return draw(wave, lane, pixel, samples);
    return mode_ == Mode::kResolve ? resolve(pixel) : expand(pixel);
}

bool ColourTargets::draw(const GraphicsWave& wave, unsigned lane, const Pixel& pixel,
                         uint8_t samples) {
    Colour second;
    if (second_source_) {
        uint32_t words[4];
        const unsigned format =
            targets_[1].export_format ? targets_[1].export_format : targets_[0].export_format;
        convert_export(format, wave.colour[1], lane, words);
        for (unsigned i = 0; i < 4; i++) second.c[i] = as_float(words[i]);
    }
    for (const uint8_t i : used()) {
        Target& target = targets_[i];
        const ExportTarget& exported = wave.colour[target.source];
        if (!(exported.mask >> lane & 1)) continue;
        if (!target.surface.open(memory_, pixel.x, pixel.y, pixel.layer)) return false;
        uint32_t colour[4];
        convert_export(target.export_format, exported, lane, colour);
        for (unsigned s = 0; s < target.surface.samples(); s++)
            if (samples >> s & 1 &&
                !write_sample(target, colour, second,
                              target.surface.address(pixel.x, pixel.y, pixel.layer, s)))
                return false;
    }
    return true;
}

bool ColourTargets::expand(const Pixel& pixel) {
    const bool fmask = mode_ != Mode::kEliminateFastClear;
    for (const uint8_t i : used())
        if (!targets_[i].surface.expand(memory_, pixel.x, pixel.y, pixel.layer, fmask))
            return false;
    return true;
}

bool ColourTargets::resolve(const Pixel& pixel) {
    Target& source = targets_[0];
    Target& destination = targets_[1];
    if (!source.surface.open(memory_, pixel.x, pixel.y, pixel.layer) ||
        !destination.surface.open(memory_, pixel.x, pixel.y, pixel.layer))
        return false;
    float sum[4] = {};
    uint32_t colour[4] = {};
    // Integers are not mixed: sample 0 stands for all.
    const unsigned count = source.format.is_integer() ? 1 : source.surface.samples();
    for (unsigned s = 0; s < count; s++) {
        Element element{};
        if (!memory_.read(source.surface.address(pixel.x, pixel.y, pixel.layer, s), element.data(),
                          source.format.bytes()))
            return false;
        source.format.unpack(element.data(), colour);
        for (unsigned i = 0; i < 4; i++) sum[i] += as_float(colour[i]);
    }
    for (unsigned i = 0; count > 1 && i < 4; i++)
        colour[i] = as_word(sum[i] / static_cast<float>(count));
    Element mixed{};
    destination.format.pack(colour, mixed.data());
    return memory_.write(destination.surface.address(pixel.x, pixel.y, pixel.layer, 0),
                         mixed.data(), destination.format.bytes());
}

bool ColourTargets::write_sample(const Target& target, const uint32_t (&exported)[4],
                                 const Colour& second, uint64_t va) {
    const unsigned bytes = target.format.bytes();
    uint32_t colour[4];
    std::copy_n(exported, 4, colour);
    Element pixel{}, old{};
    const bool logic = rop3_ != kRopCopy && !target.blend.enabled;
    if (target.blend.enabled || logic || !target.whole_pixel)
        if (!memory_.read(va, old.data(), bytes)) return false;
    if (target.blend.enabled) apply_blend(target, old, second, colour);
    target.format.pack(colour, pixel.data());
    if (target.whole_pixel && !logic) return memory_.write(va, pixel.data(), bytes);
    for (unsigned i = 0; i < bytes; i++) {
        if (logic) pixel[i] = logic_operation(rop3_, pixel[i], old[i]);
        const uint8_t mask = target.whole_pixel ? 0xff : target.write_mask[i];
        pixel[i] = static_cast<uint8_t>((pixel[i] & mask) | (old[i] & ~mask));
    }
    return memory_.write(va, pixel.data(), bytes);
}

void ColourTargets::apply_blend(const Target& target, const Element& old, const Colour& other,
                                uint32_t (&colour)[4]) const {
    uint32_t before[4];
    target.format.unpack(old.data(), before);
    Colour source, destination, constant = constant_, second = other;
    const float low = target.format.is_snorm() ? -1.0f : 0.0f;
    for (unsigned i = 0; i < 4; i++) {
        source.c[i] = as_float(colour[i]);
        destination.c[i] = as_float(before[i]);
        // Formats that end at 1 clamp what they are blended with.
        if (!target.format.is_unorm() && !target.format.is_snorm()) continue;
        source.c[i] = clamped(source.c[i], low, 1);
        constant.c[i] = clamped(constant.c[i], low, 1);
        second.c[i] = clamped(second.c[i], low, 1);
    }
    const Colour result = blend(target.blend, {source, second, destination, constant});
    for (unsigned i = 0; i < 4; i++) colour[i] = as_word(result.c[i]);
}

}  // namespace simgpu::gfx9::draw
