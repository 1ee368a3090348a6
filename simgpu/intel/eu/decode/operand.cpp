#include <fmt/format.h>

#include <algorithm>

#include "simgpu/intel/eu/decode/fields.h"
#include "simgpu/intel/eu/exec/thread.h"

namespace simgpu::intel::eu {

namespace {

constexpr unsigned kStrides[] = {0, 1, 2, 4, 8, 16, 32};  // of vertical stride's encodings
constexpr unsigned kHorizontal[] = {0, 1, 2, 4};

/// A region <vertical; width, horizontal>, in elements.
struct Region {
    unsigned vertical;
    unsigned width;
    unsigned horizontal;

    unsigned element(unsigned channel) const {
        return channel / width * vertical + channel % width * horizontal;
    }
};

int32_t sign_extend(uint32_t value, unsigned bits) {
    const uint32_t sign = uint32_t{1} << (bits - 1);
    return static_cast<int32_t>((value ^ sign) - sign);
}

bool check_type(const FieldLayout& layout, Instruction& in, const Operand& operand) {
    const bool fits =
        is_valid(operand.type) && (size_of(operand.type) < 8 || layout.has_64_bit_types);
    if (!fits)
        complain(
            in, fmt::format("operand type {} does not exist", static_cast<unsigned>(operand.type)));
    return fits;
}

/// The null register has no elements: all channels read the same zero, whatever its region.
void make_single(Operand& operand) {
    operand.byte = 0;
    operand.linear = true;
    operand.scalar = true;
    operand.stride = 0;
    operand.offset.fill(0);
}

/// Fills in where each channel's element lies, and checks that it does within the register file.
void place_elements(const FieldLayout& layout, Instruction& in, Operand& operand, Region region,
                    unsigned byte) {
    const unsigned size = size_of(operand.type);
    unsigned furthest = 0, step = 0;
    bool linear = true;
    for (unsigned i = 0; i < kMaxChannels; i++) {
        const unsigned at = region.element(i) * size;
        operand.offset[i] = static_cast<uint16_t>(at);
        if (i >= in.channels) continue;
        furthest = std::max(furthest, at);
        if (i == 1) step = at;
        linear = linear && at == i * step;
    }
    operand.linear = linear;
    operand.scalar = linear && (step == 0 || in.channels == 1);
    operand.stride = static_cast<uint16_t>(in.channels == 1 ? size : step);
    operand.width = static_cast<uint8_t>(region.width);
    operand.byte = static_cast<uint16_t>(byte);
    if (operand.indirect) return;
    if (operand.is_null()) return make_single(operand);
    if (byte % size != 0)
        complain(in, fmt::format("operand at byte {} is not aligned to its {} bytes", byte, size));
    const unsigned limit = operand.file == File::kGrf ? kGrfs * layout.grf_bytes : 64;
    const bool whole = operand.file == File::kArf && operand.arf_kind() == Arf::kAccumulator;
    if (!whole && byte + furthest + size > limit)
        complain(in, fmt::format("operand reaches byte {} of {}", byte + furthest + size, limit));
    // Channels that are computed in vain to fill up a group of 8 stay within the slack.
    for (unsigned i = in.channels; i < kMaxChannels; i++)
        if (operand.offset[i] > furthest) operand.offset[i] = static_cast<uint16_t>(furthest);
    if (operand.linear && operand.stride > size && in.channels % 8 != 0) {
        operand.linear = operand.scalar;
    }
}

/// Register number and byte within it. Architecture registers are 32 or 64 bytes too, but only
/// the accumulators have several.
void set_register(const FieldLayout& layout, Operand& operand, bool is_grf, unsigned number) {
    operand.file = is_grf ? File::kGrf : File::kArf;
    if (!is_grf) operand.arf = static_cast<uint8_t>(number);
    (void)layout;
}

unsigned register_base(const FieldLayout& layout, const Operand& operand, unsigned number) {
    if (operand.file == File::kGrf) return number * layout.grf_bytes;
    if (operand.arf_kind() == Arf::kAccumulator) return (number & 15u) * layout.grf_bytes;
    return 0;
}

/// The bits that the two sources of an ordinary instruction have at different places.
struct SourceBits {
    uint8_t immediate;
    uint8_t file;
    Bits type;
    uint8_t negate;
    uint8_t absolute;
    Bits number;
    Bits subregister;
    Bits horizontal;
    Bits width;
    uint8_t address_mode;
    Bits address_register;
    Bits address_offset;
};
constexpr SourceBits kSource0 = {46,       66,       {43, 40}, 45, 44,       {79, 72},
                                 {71, 67}, {65, 64}, {83, 81}, 80, {79, 76}, {75, 66}};
constexpr SourceBits kSource1 = {47,        98,       {91, 88},   121, 120,        {111, 104},
                                 {103, 99}, {97, 96}, {115, 113}, 112, {111, 108}, {107, 98}};

void decode_source(const Words& words, const FieldLayout& layout, const SourceBits& at,
                   Bits vertical, unsigned low_bit, Instruction& in, Operand& source) {
    source.type = Type(words.bits(at.type.top, at.type.bottom));
    if (words.bit(at.immediate)) {
        source.file = File::kImmediate;
        source.value = words.bits(127, 96);
        if (is_valid(source.type) && size_of(source.type) == 8)
            source.value |= uint64_t{words.bits(95, 64)} << 32;
        check_type(layout, in, source);
        return;
    }
    source.negate = words.bit(at.negate);
    source.absolute = words.bit(at.absolute);
    source.indirect = words.bit(at.address_mode);
    if (!check_type(layout, in, source)) return;
    const unsigned low = low_bit ? words.bit(low_bit) : 0;
    const unsigned stride_code = words.bits(vertical.top, vertical.bottom);
    const unsigned width_code = words.bits(at.width.top, at.width.bottom);
    Region region{stride_code < std::size(kStrides) ? kStrides[stride_code] : 0,
                  1u << std::min(width_code, 4u),
                  kHorizontal[words.bits(at.horizontal.top, at.horizontal.bottom)]};
    if (width_code > 4) complain(in, "reserved region width");
    if (source.indirect) {
        source.file = File::kGrf;
        source.address_index =
            static_cast<uint8_t>(words.bits(at.address_register.top, at.address_register.bottom));
        const unsigned bits = 10u + layout.byte_shift;
        const unsigned offset =
            words.bits(at.address_offset.top, at.address_offset.bottom) << layout.byte_shift | low;
        source.address_offset = static_cast<int16_t>(sign_extend(offset, bits));
        source.row_addresses = stride_code == layout.vertical_one_dimensional;
        if (source.row_addresses) region.vertical = 0;
        place_elements(layout, in, source, region, 0);
        return;
    }
    if (stride_code >= std::size(kStrides)) complain(in, "reserved vertical stride");
    const unsigned number = words.bits(at.number.top, at.number.bottom);
    set_register(layout, source, words.bit(at.file), number);
    const unsigned byte =
        words.bits(at.subregister.top, at.subregister.bottom) << layout.byte_shift | low;
    if (source.file == File::kGrf && number >= kGrfs)
        return complain(in, fmt::format("register r{} does not exist", number));
    place_elements(layout, in, source, region, register_base(layout, source, number) + byte);
}

constexpr FieldLayout kGen12Layout = {.execution_size = {18, 16},
                                      .quarter = {21, 20},
                                      .has_nibble = true,
                                      .flag_register = {23, 23},
                                      .flag_subregister = 22,
                                      .predicate = {27, 24},
                                      .has_accumulator_write = true,
                                      .vertical_stride0 = {87, 84},
                                      .vertical_stride1 = {119, 116},
                                      .vertical_one_dimensional = 15,
                                      .byte_shift = 0,
                                      .low_bit_dst = 0,
                                      .low_bit_src0 = 0,
                                      .grf_bytes = 32,
                                      .has_64_bit_types = false,
                                      .has_boolean_functions = false};
constexpr FieldLayout as_gen12_5(FieldLayout layout) {
    layout.has_64_bit_types = layout.has_boolean_functions = true;
    return layout;
}
constexpr FieldLayout kGen125Layout = as_gen12_5(kGen12Layout);
constexpr FieldLayout kXe2Layout = {.execution_size = {20, 18},
                                    .quarter = {25, 24},
                                    .has_nibble = false,
                                    .flag_register = {23, 22},
                                    .flag_subregister = 21,
                                    .predicate = {27, 26},
                                    .has_accumulator_write = false,
                                    .vertical_stride0 = {86, 84},
                                    .vertical_stride1 = {118, 116},
                                    .vertical_one_dimensional = 7,
                                    .byte_shift = 1,
                                    .low_bit_dst = 33,
                                    .low_bit_src0 = 87,
                                    .grf_bytes = 64,
                                    .has_64_bit_types = true,
                                    .has_boolean_functions = true};

}  // namespace

const FieldLayout& field_layout(Generation generation) {
    switch (generation) {
        case Generation::kGen12:
            return kGen12Layout;
        case Generation::kGen12_5:
            return kGen125Layout;
        default:
            return kXe2Layout;
    }
}

void decode_destination(const Words& words, const FieldLayout& layout, Instruction& in) {
    Operand& dst = in.dst;
    dst.type = Type(words.bits(39, 36));
    if (!check_type(layout, in, dst)) return;
    if (dst.type == Type::kVF) return complain(in, "destination of a vector type");
    const unsigned step = std::max(kHorizontal[words.bits(49, 48)], 1u);
    const unsigned low = layout.low_bit_dst ? words.bit(layout.low_bit_dst) : 0;
    dst.indirect = words.bit(35);
    if (dst.indirect) {
        dst.file = File::kGrf;
        dst.address_index = static_cast<uint8_t>(words.bits(63, 60));
        dst.address_offset = static_cast<int16_t>(
            sign_extend(words.bits(59, 50) << layout.byte_shift | low, 10u + layout.byte_shift));
        // Its stride's field is within the address offset's neighbours: bits 49:48 still.
        dst.stride = static_cast<uint16_t>(step * size_of(dst.type));
        return;
    }
    const unsigned number = words.bits(63, 56);
    set_register(layout, dst, words.bit(50), number);
    if (dst.file == File::kGrf && number >= kGrfs)
        return complain(in, fmt::format("register r{} does not exist", number));
    const unsigned byte = words.bits(55, 51) << layout.byte_shift | low;
    place_elements(layout, in, dst, {0, kMaxChannels, step},
                   register_base(layout, dst, number) + byte);
    dst.stride = static_cast<uint16_t>(step * size_of(dst.type));
}

void decode_source0(const Words& words, const FieldLayout& layout, Instruction& in) {
    decode_source(words, layout, kSource0, layout.vertical_stride0, layout.low_bit_src0, in,
                  in.src[0]);
}

void decode_source1(const Words& words, const FieldLayout& layout, Instruction& in) {
    decode_source(words, layout, kSource1, layout.vertical_stride1, 0, in, in.src[1]);
}

namespace {

struct Source3Bits {
    uint8_t immediate;  // 0: cannot be one
    Bits value;
    uint8_t file;
    Bits type;
    uint8_t negate;
    uint8_t absolute;
    Bits number;
    Bits subregister;
    Bits horizontal;
    uint8_t vertical_high;  // 0: has no vertical stride
    uint8_t vertical_low;
};
constexpr Source3Bits kThree[3] = {
    {46, {79, 64}, 66, {42, 40}, 45, 44, {79, 72}, {71, 67}, {65, 64}, 43, 35},
    {0, {0, 0}, 98, {90, 88}, 87, 86, {111, 104}, {103, 99}, {97, 96}, 91, 83},
    {47, {127, 112}, 114, {82, 80}, 85, 84, {127, 120}, {119, 115}, {113, 112}, 0, 0},
};

/// Three-source types leave the float bit to "execution data type".
Type type3(uint32_t code, bool is_float_type) {
    return Type(is_float_type ? 8 | (code & 3) : code);
}

void decode_source3(const Words& words, const FieldLayout& layout, const Source3Bits& at,
                    Instruction& in, Operand& source) {
    source.type = type3(words.bits(at.type.top, at.type.bottom), words.bit(39));
    if (!check_type(layout, in, source)) return;
    if (at.immediate && words.bit(at.immediate)) {
        source.file = File::kImmediate;
        source.value = words.bits(at.value.top, at.value.bottom);
        if (size_of(source.type) != 2) complain(in, "an immediate of other than 16 bits");
        return;
    }
    source.negate = words.bit(at.negate);
    source.absolute = words.bit(at.absolute);
    const unsigned horizontal = kHorizontal[words.bits(at.horizontal.top, at.horizontal.bottom)];
    Region region{horizontal * kMaxChannels, kMaxChannels, horizontal};
    if (at.vertical_high) {
        constexpr unsigned kVertical[] = {0, 1, 4, 8};
        region.vertical = kVertical[words.bits(at.vertical_high, at.vertical_high) << 1 |
                                    words.bits(at.vertical_low, at.vertical_low)];
        region.width = horizontal ? std::max(region.vertical / horizontal, 1u) : 1;
    }
    const unsigned number = words.bits(at.number.top, at.number.bottom);
    set_register(layout, source, words.bit(at.file), number);
    if (source.file == File::kGrf && number >= kGrfs)
        return complain(in, fmt::format("register r{} does not exist", number));
    const unsigned byte = words.bits(at.subregister.top, at.subregister.bottom)
                          << layout.byte_shift;
    place_elements(layout, in, source, region, register_base(layout, source, number) + byte);
}

}  // namespace

void decode_three_sources(const Words& words, const FieldLayout& layout, Instruction& in) {
    Operand& dst = in.dst;
    dst.type = type3(words.bits(38, 36), words.bit(39));
    if (!check_type(layout, in, dst)) return;
    if (dst.type == Type::kVF) return complain(in, "destination of a vector type");
    const unsigned number = words.bits(63, 56);
    set_register(layout, dst, words.bit(50), number);
    if (dst.file == File::kGrf && number >= kGrfs)
        return complain(in, fmt::format("register r{} does not exist", number));
    const unsigned step = words.bit(48) ? 2 : 1;
    place_elements(layout, in, dst, {0, kMaxChannels, step},
                   register_base(layout, dst, number) + (words.bits(55, 51) << layout.byte_shift));
    dst.stride = static_cast<uint16_t>(step * size_of(dst.type));
    for (unsigned i = 0; i < 3; i++) decode_source3(words, layout, kThree[i], in, in.src[i]);
}

}  // namespace simgpu::intel::eu
