// Data types of operands, as Gen12 and later encode them.
#pragma once

#include <cstdint>

namespace simgpu::intel::eu {

/// The values are the encoding's: two bits of size, then signed, then float (PRM volume 7,
/// "Numeric Data Types"). Three-source instructions leave the float bit to another field.
enum class Type : uint8_t {
    kUB = 0,
    kUW = 1,
    kUD = 2,
    kUQ = 3,
    kB = 4,
    kW = 5,
    kD = 6,
    kQ = 7,
    kHF = 9,
    kF = 10,
    kDF = 11,
    // Immediates that pack small numbers, where a register would have a byte.
    kUV = kUB,
    kV = kB,
    kVF = 8,
};

constexpr unsigned size_of(Type type) {
    return 1u << (static_cast<unsigned>(type) & 3);
}
constexpr bool is_float(Type type) {
    return static_cast<unsigned>(type) >= 8;
}
constexpr bool is_signed_integer(Type type) {
    return (static_cast<unsigned>(type) & 12) == 4;
}
constexpr bool is_valid(Type type) {
    return static_cast<unsigned>(type) < 12;
}

/// The type that an instruction computes in: operands are widened to it, results narrowed from it.
enum class Lane : uint8_t { kU32, kI32, kU64, kI64, kF32, kF64 };
inline constexpr unsigned kLaneKinds = 6;
constexpr unsigned index_of(Lane lane) {
    return static_cast<unsigned>(lane);
}

/// Condition codes of the modifier field (PRM volume 7, "Condition Modifier").
enum class Condition : uint8_t {
    kNone = 0,
    kZero = 1,
    kNotZero = 2,
    kGreater = 3,
    kGreaterEqual = 4,
    kLess = 5,
    kLessEqual = 6,
    kOverflow = 8,
    kUnordered = 9,
};

}  // namespace simgpu::intel::eu
