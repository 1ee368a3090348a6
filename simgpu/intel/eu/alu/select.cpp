// Comparisons and selections.
#include <cstring>

#include "simgpu/intel/eu/alu/operands.h"

namespace simgpu::intel::eu {

namespace {

bool floating(Lane lane) {
    return lane == Lane::kF32 || lane == Lane::kF64;
}
bool wide(Lane lane) {
    return lane == Lane::kU64 || lane == Lane::kI64 || lane == Lane::kF64;
}

ChannelMask not_a_number(Lane lane, const std::byte* row, unsigned count) {
    return floating(lane) ? compare(Condition::kUnordered, lane, row, row, count) : 0;
}

/// out = chosen ? a : b, by channel.
void choose(ChannelMask chosen, Lane lane, const std::byte* a, const std::byte* b, unsigned count,
            std::byte* out) {
    const auto pick = [&]<class T>(T) {
        for (unsigned i = 0; i < count; i++) {
            const T* from = reinterpret_cast<const T*>(chosen >> i & 1 ? a : b);
            reinterpret_cast<T*>(out)[i] = from[i];
        }
    };
    if (wide(lane))
        pick(uint64_t{});
    else
        pick(uint32_t{});
}

/// cmp and cmpn: flags, and all ones in the channels that compare so.
void cmp(Thread& thread, const Instruction& in) {
    Row spare[2];
    const unsigned count = lane_count(in);
    const std::byte* a = read_source(thread, in, in.src[0], in.lane, false, spare[0]);
    const std::byte* b = read_source(thread, in, in.src[1], in.lane, false, spare[1]);
    ChannelMask holds = compare(in.condition, in.lane, a, b, count);
    // CMPN is for minimum and maximum: against NaN the first operand wins.
    if (in.opcode == 0x71) holds |= not_a_number(in.lane, b, count);
    const ChannelMask enabled = enabled_channels(thread, in);
    write_flags(thread, in, holds, enabled);
    if (in.dst.is_null()) return;
    Row ones;
    int64_t* values = ones.as<int64_t>();
    for (unsigned i = 0; i < count; i++) values[i] = holds >> i & 1 ? -1 : 0;
    // The bits count, whatever the destination's type.
    static constexpr Type kSameSize[] = {Type::kUB, Type::kUW, Type::kUD, Type::kUQ};
    Instruction bits = in;
    bits.dst.type = kSameSize[static_cast<unsigned>(in.dst.type) & 3];
    bits.saturate = false;
    write_destination(thread, bits, ones.bytes, Lane::kI64, enabled);
}

/// sel: by the predicate, or without one the lesser or greater.
void sel(Thread& thread, const Instruction& in) {
    Row spare[2], result;
    const unsigned count = lane_count(in);
    const std::byte* a = read_source(thread, in, in.src[0], in.lane, false, spare[0]);
    const std::byte* b = read_source(thread, in, in.src[1], in.lane, false, spare[1]);
    ChannelMask chosen;
    if (in.condition == Condition::kNone) {
        chosen = predicate_channels(thread, in);
    } else {
        chosen = compare(in.condition, in.lane, a, b, count) | not_a_number(in.lane, b, count);
        chosen &= ~not_a_number(in.lane, a, count);
    }
    choose(chosen, in.lane, a, b, count, result.bytes);
    write_destination(thread, in, result.bytes, in.lane, unpredicated_channels(thread, in));
}

/// csel: the first source where the third compares so with zero.
void csel(Thread& thread, const Instruction& in) {
    static constexpr Row kZeros{};
    Row spare[3], result;
    const std::byte* source[3];
    for (unsigned i = 0; i < 3; i++)
        source[i] = read_source(thread, in, in.src[i], in.lane, false, spare[i]);
    const unsigned count = lane_count(in);
    const ChannelMask chosen = compare(in.condition, in.lane, source[2], kZeros.bytes, count);
    choose(chosen, in.lane, source[0], source[1], count, result.bytes);
    write_destination(thread, in, result.bytes, in.lane, enabled_channels(thread, in));
}

constexpr AluOp kSelectOps[] = {
    special(0x62, "sel", 2, sel),
    special(0x70, "cmp", 2, cmp),
    special(0x71, "cmpn", 2, cmp),
    special(0x72, "csel", 3, csel),
};

}  // namespace

std::span<const AluOp> select_ops() {
    return kSelectOps;
}

}  // namespace simgpu::intel::eu
