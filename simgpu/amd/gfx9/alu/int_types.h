// Short names for the integers of the instruction tables, and what several of these do with them.
#pragma once

#include <cstdint>

namespace simgpu::gfx9 {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i8 = int8_t;
using i16 = int16_t;
using i32 = int32_t;
using i64 = int64_t;

/// The low 24 bits, sign-extended.
constexpr i32 sext24(u32 x) {
    return static_cast<i32>(x << 8) >> 8;
}

}  // namespace simgpu::gfx9
