// Reading operands into rows of lanes, and writing rows back.
#pragma once

#include "simgpu/intel/eu/alu/alu.h"

namespace simgpu::intel::eu {

/// Channels that the instruction writes, bit 0 its first one: predicate, control flow, dispatch.
ChannelMask enabled_channels(const Thread& thread, const Instruction& in);
/// The same without the predicate.
ChannelMask unpredicated_channels(const Thread& thread, const Instruction& in);
/// The predicate alone; all channels if there is none.
ChannelMask predicate_channels(const Thread& thread, const Instruction& in);

/// The instruction's channels, rounded up to what kernels compute.
constexpr unsigned lane_count(const Instruction& in) {
    return (in.channels + 7u) & ~7u;
}

/// The source as lanes of kind `lane`, with its modifiers applied; in `spare`, or where it lies if
/// nothing has to change. `logic`: negating inverts bits.
const std::byte* read_source(Thread& thread, const Instruction& in, const Operand& source,
                             Lane lane, bool logic, Row& spare);

/// Writes the channels of `mask` to the destination, converted to its type and saturated.
void write_destination(Thread& thread, const Instruction& in, const std::byte* result, Lane lane,
                       ChannelMask mask);

/// Puts the result's channels into the accumulator.
void write_accumulator(Thread& thread, const Instruction& in, const std::byte* result, Lane lane,
                       ChannelMask mask);

/// Channels whose values compare so.
ChannelMask compare(Condition condition, Lane lane, const std::byte* a, const std::byte* b,
                    unsigned count);
/// Channels where the result, as the destination will have it, compares so with zero.
ChannelMask compare_result(const Instruction& in, Lane lane, const std::byte* result);

/// Replaces the flags of the channels in `written` by those of `values`.
void write_flags(Thread& thread, const Instruction& in, ChannelMask values, ChannelMask written);

}  // namespace simgpu::intel::eu
