// Conversions between elements in registers and rows of lanes.
#pragma once

#include "simgpu/intel/eu/alu/alu.h"

namespace simgpu::intel::eu {

/// How an operand's elements lie from `base` on: `offset[i]` bytes for channel i, unless they are
/// `stride` bytes apart.
struct Elements {
    const std::byte* base;
    const uint16_t* offset;  // null: linear
    unsigned stride;
    bool keep_half_denormals;
};

/// Reads `count` elements of `type` as lanes. Null where the lane does not suit the type.
using Gather = void (*)(const Elements& from, unsigned count, std::byte* out);
Gather gather_function(Type type, Lane lane);

/// Writes the channels of `mask`, `stride` bytes apart from `to` on.
struct Target {
    std::byte* to;
    unsigned stride;
    bool saturate;
    bool keep_half_denormals;
};
using Scatter = void (*)(const std::byte* lanes, unsigned count, ChannelMask mask,
                         const Target& target);
Scatter scatter_function(Lane lane, Type type);

/// The lanes that hold every value of `type`.
constexpr Lane natural_lane(Type type) {
    if (is_float(type)) return type == Type::kDF ? Lane::kF64 : Lane::kF32;
    if (size_of(type) == 8) return is_signed_integer(type) ? Lane::kI64 : Lane::kU64;
    return is_signed_integer(type) ? Lane::kI32 : Lane::kU32;
}

}  // namespace simgpu::intel::eu
