#include "simgpu/amd/gfx9/decode/operand.h"

#include <bit>

namespace simgpu::gfx9 {

namespace {

// The inline floating-point constants: +-0.5, +-1, +-2, +-4 and 1/(2 pi), per type.
struct InlineFloats {
    uint16_t half;
    uint32_t single;
    uint64_t wide;
};
constexpr InlineFloats kInlineFloats[] = {
    {0x3800, 0x3f000000, 0x3fe0000000000000}, {0xb800, 0xbf000000, 0xbfe0000000000000},
    {0x3c00, 0x3f800000, 0x3ff0000000000000}, {0xbc00, 0xbf800000, 0xbff0000000000000},
    {0x4000, 0x40000000, 0x4000000000000000}, {0xc000, 0xc0000000, 0xc000000000000000},
    {0x4400, 0x40800000, 0x4010000000000000}, {0xc400, 0xc0800000, 0xc010000000000000},
    {0x3118, 0x3e22f983, 0x3fc45f306dc9c882},
};

uint64_t inline_float(uint32_t field, Type type) {
    const InlineFloats& value = kInlineFloats[field - code::kInlineHalf];
    switch (type) {
        case Type::kB16:
        case Type::kF16:
            return value.half;
        case Type::kB64:
        case Type::kF64:
            return value.wide;
        default:
            return value.single;
    }
}

// A literal of a 64-bit operand: the upper half of a double, or an integer.
uint64_t literal(uint32_t word, Type type) {
    return type == Type::kF64 ? static_cast<uint64_t>(word) << 32 : word;
}

uint64_t integer(int64_t value, Type type) {
    return is_wide(type) || type == Type::kMask ? static_cast<uint64_t>(value)
                                                : static_cast<uint32_t>(value);
}

Operand constant(uint64_t value) {
    return {Operand::Kind::kConstant, 0, value};
}

// Apertures of flat addressing, as SH_MEM_BASES has them: bits 63..32 of the address.
uint64_t aperture(uint32_t field, Type type) {
    const uint64_t base = field <= code::kSharedLimit ? 0x60000000 : 0x60000001;
    const bool limit = field == code::kSharedLimit || field == code::kPrivateLimit;
    const uint64_t wide = base << 32 | (limit ? 0xffffffff : 0);
    return is_wide(type) ? wide : base;
}

}  // namespace

Operand scalar_operand(const Instruction& in, uint32_t field, Type type) {
    if (field < 128) return {Operand::Kind::kSgpr, static_cast<uint16_t>(field), 0};
    if (field <= 192) return constant(integer(int64_t{field} - 128, type));  // 0..64
    if (field <= 208) return constant(integer(192 - int64_t{field}, type));  // -1..-16
    if (field >= code::kSharedBase && field <= code::kPrivateLimit)
        return constant(aperture(field, type));
    if (field >= code::kInlineHalf && field <= code::kInlineInverseTwoPi)
        return constant(inline_float(field, type));
    switch (field) {
        case code::kVccz:
            return {Operand::Kind::kVccz, 0, 0};
        case code::kExecz:
            return {Operand::Kind::kExecz, 0, 0};
        case code::kScc:
            return {Operand::Kind::kScc, 0, 0};
        case code::kLiteral:
            return constant(literal(in.literal, type));
        default:
            return constant(0);
    }
}

Operand vector_operand(const Instruction& in, uint32_t field, Type type, unsigned vgpr_count) {
    if (field < code::kVgpr0) return scalar_operand(in, field, type);
    const unsigned registers = is_wide(type) ? 2 : 1;
    return {Operand::Kind::kVgpr, source_vgpr(field - code::kVgpr0, registers, vgpr_count), 0};
}

uint16_t source_vgpr(unsigned index, unsigned count, unsigned vgpr_count) {
    return static_cast<uint16_t>(index + count <= vgpr_count ? index : 0);
}

uint16_t destination_vgpr(unsigned index, unsigned count, unsigned vgpr_count) {
    return static_cast<uint16_t>(index + count <= vgpr_count ? index : kTrashVgpr);
}

}  // namespace simgpu::gfx9
