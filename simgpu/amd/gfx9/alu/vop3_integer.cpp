// VOP3-only integer instructions.
#include <algorithm>

#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/valu.h"

namespace simgpu::gfx9 {

namespace {

u32 clamp_u32(u64 exact) {
    return static_cast<u32>(std::min<u64>(exact, ~0u));
}
i32 clamp_i32(i64 exact) {
    return static_cast<i32>(std::clamp<i64>(exact, INT32_MIN, INT32_MAX));
}
u16 clamp_u16(u64 exact) {
    return static_cast<u16>(std::min<u64>(exact, 0xffff));
}
i16 clamp_i16(i64 exact) {
    return static_cast<i16>(std::clamp<i64>(exact, INT16_MIN, INT16_MAX));
}
u32 popcount(u32 x) {
    x -= x >> 1 & 0x55555555u;
    x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
    x = (x + (x >> 4)) & 0x0f0f0f0fu;
    return x * 0x01010101u >> 24;
}

u32 extract(u32 value, u32 offset, u32 width) {
    return (value >> (offset & 31)) & ((1u << (width & 31)) - 1);
}
i32 extract_signed(i32 value, u32 offset, u32 width) {
    width &= 31;
    if (width == 0) return 0;
    const i32 field = value >> (offset & 31);
    return static_cast<i32>(static_cast<u32>(field) << (32 - width)) >> (32 - width);
}
template <class T>
T median(T a, T b, T c) {
    return std::max(std::min(a, b), std::min(std::max(a, b), c));
}
u32 byte_at(u32 x, unsigned n) {
    return (x >> (8 * n)) & 0xff;
}
u32 lerp_bytes(u32 a, u32 b, u32 round) {
    u32 result = 0;
    for (unsigned n = 0; n < 4; n++)
        result |= ((byte_at(a, n) + byte_at(b, n) + (byte_at(round, n) & 1)) >> 1) << (8 * n);
    return result;
}
u32 distance(u32 a, u32 b) {
    return a > b ? a - b : b - a;
}
u32 sad_bytes(u32 a, u32 b) {
    u32 sum = 0;
    for (unsigned n = 0; n < 4; n++) sum += distance(byte_at(a, n), byte_at(b, n));
    return sum;
}
// Bytes that are zero in the reference do not count.
u32 masked_sad_bytes(u32 a, u32 reference) {
    u32 sum = 0;
    for (unsigned n = 0; n < 4; n++)
        if (byte_at(reference, n)) sum += distance(byte_at(a, n), byte_at(reference, n));
    return sum;
}
// Four SADs of a window that slides by bytes over the first operand.
template <auto Sad>
u64 sliding_sads(u64 window, u32 reference, u64 add) {
    u64 result = 0;
    for (unsigned n = 0; n < 4; n++) {
        const u32 sad = Sad(static_cast<u32>(window >> (8 * n)), reference);
        result |= u64{static_cast<u16>(sad + static_cast<u16>(add >> (16 * n)))} << (16 * n);
    }
    return result;
}

// V_PERM_B32: each selector byte names a byte of {a, b}, a sign, or a constant.
u32 permute_bytes(u32 a, u32 b, u32 selectors) {
    const u64 bytes = u64{a} << 32 | b;
    u32 result = 0;
    for (unsigned n = 0; n < 4; n++) {
        const u32 select = byte_at(selectors, n);
        u32 value;
        if (select >= 13)
            value = 0xff;
        else if (select == 12)
            value = 0;
        else if (select >= 8)  // the sign of byte 1, 3, 5 or 7
            value = (bytes >> (16 * (select - 8) + 15)) & 1 ? 0xff : 0;
        else
            value = static_cast<u32>(bytes >> (8 * select)) & 0xff;
        result |= value << (8 * n);
    }
    return result;
}

template <class F, class Clamped>
constexpr ValuOp clampable(uint16_t opcode, const char* name, F lambda, Clamped) {
    return lanes(opcode, name, lambda).saturating(kernel_of<Clamped{}>);
}

constexpr ValuOp kVop3IntegerOps[] = {
    clampable(
        0x1c2, "v_mad_i32_i24",
        [](u32 a, u32 b, u32 c) {
            return static_cast<u32>(sext24(a)) * static_cast<u32>(sext24(b)) + c;
        },
        [](u32 a, u32 b, i32 c) { return clamp_i32(i64{sext24(a)} * sext24(b) + c); }),
    clampable(
        0x1c3, "v_mad_u32_u24",
        [](u32 a, u32 b, u32 c) { return (a & 0xffffff) * (b & 0xffffff) + c; },
        [](u32 a, u32 b, u32 c) { return clamp_u32(u64{a & 0xffffff} * (b & 0xffffff) + c); }),
    lanes(0x1c8, "v_bfe_u32", [](u32 a, u32 b, u32 c) { return extract(a, b, c); }),
    lanes(0x1c9, "v_bfe_i32", [](i32 a, u32 b, u32 c) { return extract_signed(a, b, c); }),
    lanes(0x1ca, "v_bfi_b32", [](u32 a, u32 b, u32 c) { return (a & b) | (~a & c); }),
    lanes(0x1cd, "v_lerp_u8", [](u32 a, u32 b, u32 c) { return lerp_bytes(a, b, c); }),
    lanes(0x1ce, "v_alignbit_b32",
          [](u32 a, u32 b, u32 c) { return static_cast<u32>((u64{a} << 32 | b) >> (c & 31)); }),
    lanes(
        0x1cf, "v_alignbyte_b32",
        [](u32 a, u32 b, u32 c) { return static_cast<u32>((u64{a} << 32 | b) >> (8 * (c & 3))); }),
    lanes(0x1d1, "v_min3_i32", [](i32 a, i32 b, i32 c) { return std::min(std::min(a, b), c); }),
    lanes(0x1d2, "v_min3_u32", [](u32 a, u32 b, u32 c) { return std::min(std::min(a, b), c); }),
    lanes(0x1d4, "v_max3_i32", [](i32 a, i32 b, i32 c) { return std::max(std::max(a, b), c); }),
    lanes(0x1d5, "v_max3_u32", [](u32 a, u32 b, u32 c) { return std::max(std::max(a, b), c); }),
    lanes(0x1d7, "v_med3_i32", [](i32 a, i32 b, i32 c) { return median(a, b, c); }),
    lanes(0x1d8, "v_med3_u32", [](u32 a, u32 b, u32 c) { return median(a, b, c); }),
    clampable(
        0x1d9, "v_sad_u8", [](u32 a, u32 b, u32 c) { return sad_bytes(a, b) + c; },
        [](u32 a, u32 b, u32 c) { return clamp_u32(u64{sad_bytes(a, b)} + c); }),
    clampable(
        0x1da, "v_sad_hi_u8", [](u32 a, u32 b, u32 c) { return (sad_bytes(a, b) << 16) + c; },
        [](u32 a, u32 b, u32 c) { return clamp_u32((u64{sad_bytes(a, b)} << 16) + c); }),
    clampable(
        0x1db, "v_sad_u16",
        [](u32 a, u32 b, u32 c) {
            return distance(a & 0xffff, b & 0xffff) + distance(a >> 16, b >> 16) + c;
        },
        [](u32 a, u32 b, u32 c) {
            return clamp_u32(u64{distance(a & 0xffff, b & 0xffff)} + distance(a >> 16, b >> 16) +
                             c);
        }),
    clampable(
        0x1dc, "v_sad_u32", [](u32 a, u32 b, u32 c) { return distance(a, b) + c; },
        [](u32 a, u32 b, u32 c) { return clamp_u32(u64{distance(a, b)} + c); }),
    clampable(
        0x1e4, "v_msad_u8", [](u32 a, u32 b, u32 c) { return masked_sad_bytes(a, b) + c; },
        [](u32 a, u32 b, u32 c) { return clamp_u32(u64{masked_sad_bytes(a, b)} + c); }),
    lanes(0x1e5, "v_qsad_pk_u16_u8",
          [](u64 a, u32 b, u64 c) { return sliding_sads<sad_bytes>(a, b, c); }),
    lanes(0x1e6, "v_mqsad_pk_u16_u8",
          [](u64 a, u32 b, u64 c) { return sliding_sads<masked_sad_bytes>(a, b, c); }),
    lanes(0x1e8, "v_mad_u64_u32",
          [](u32 a, u32 b, u64 c) {
              const u64 product = u64{a} * b, sum = product + c;
              return WithMask<u64>{sum, sum < product};
          }),
    lanes(0x1e9, "v_mad_i64_i32",
          [](i32 a, i32 b, i64 c) {
              i64 sum;
              const bool overflow = __builtin_add_overflow(i64{a} * b, c, &sum);
              return WithMask<i64>{sum, overflow};
          }),
    clampable(
        0x1eb, "v_mad_legacy_u16",
        [](u16 a, u16 b, u16 c) { return static_cast<u16>(u32{a} * b + c); },
        [](u16 a, u16 b, u16 c) { return clamp_u16(u64{a} * b + c); }),
    clampable(
        0x1ec, "v_mad_legacy_i16", [](i16 a, i16 b, i16 c) { return static_cast<i16>(a * b + c); },
        [](i16 a, i16 b, i16 c) { return clamp_i16(i64{a} * b + c); }),
    lanes(0x1ed, "v_perm_b32", [](u32 a, u32 b, u32 c) { return permute_bytes(a, b, c); }),
    clampable(
        0x1f1, "v_mad_u32_u16", [](u16 a, u16 b, u32 c) { return u32{a} * b + c; },
        [](u16 a, u16 b, u32 c) { return clamp_u32(u64{a} * b + c); }),
    clampable(
        0x1f2, "v_mad_i32_i16", [](i16 a, i16 b, u32 c) { return static_cast<u32>(a * b) + c; },
        [](i16 a, i16 b, i32 c) { return clamp_i32(i64{a} * b + c); }),
    lanes(0x1f3, "v_xad_u32", [](u32 a, u32 b, u32 c) { return (a ^ b) + c; }),
    lanes(0x1f5, "v_min3_i16", [](i16 a, i16 b, i16 c) { return std::min(std::min(a, b), c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x1f6, "v_min3_u16", [](u16 a, u16 b, u16 c) { return std::min(std::min(a, b), c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x1f8, "v_max3_i16", [](i16 a, i16 b, i16 c) { return std::max(std::max(a, b), c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x1f9, "v_max3_u16", [](u16 a, u16 b, u16 c) { return std::max(std::max(a, b), c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x1fb, "v_med3_i16", [](i16 a, i16 b, i16 c) { return median(a, b, c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x1fc, "v_med3_u16", [](u16 a, u16 b, u16 c) { return median(a, b, c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x1fd, "v_lshl_add_u32", [](u32 a, u32 b, u32 c) { return (a << (b & 31)) + c; }),
    lanes(0x1fe, "v_add_lshl_u32", [](u32 a, u32 b, u32 c) { return (a + b) << (c & 31); }),
    lanes(0x1ff, "v_add3_u32", [](u32 a, u32 b, u32 c) { return a + b + c; }),
    lanes(0x200, "v_lshl_or_b32", [](u32 a, u32 b, u32 c) { return (a << (b & 31)) | c; }),
    lanes(0x201, "v_and_or_b32", [](u32 a, u32 b, u32 c) { return (a & b) | c; }),
    lanes(0x202, "v_or3_b32", [](u32 a, u32 b, u32 c) { return a | b | c; }),
    clampable(
        0x204, "v_mad_u16", [](u16 a, u16 b, u16 c) { return static_cast<u16>(u32{a} * b + c); },
        [](u16 a, u16 b, u16 c) { return clamp_u16(u64{a} * b + c); })
        .with(ValuOp::kKeepsHigh),
    clampable(
        0x205, "v_mad_i16", [](i16 a, i16 b, i16 c) { return static_cast<i16>(a * b + c); },
        [](i16 a, i16 b, i16 c) { return clamp_i16(i64{a} * b + c); })
        .with(ValuOp::kKeepsHigh),
    lanes(0x285, "v_mul_lo_u32", [](u32 a, u32 b) { return a * b; }),
    lanes(0x286, "v_mul_hi_u32", [](u32 a, u32 b) { return static_cast<u32>((u64{a} * b) >> 32); }),
    lanes(0x287, "v_mul_hi_i32", [](i32 a, i32 b) { return static_cast<i32>((i64{a} * b) >> 32); }),
    lanes(0x28b, "v_bcnt_u32_b32", [](u32 a, u32 b) { return popcount(a) + b; }),
    lanes(0x28c, "v_mbcnt_lo_u32_b32",
          [](u32 a, u32 b, LaneIndex lane) {
              const u32 below = lane.value < 32 ? (1u << (lane.value & 31)) - 1 : ~0u;
              return popcount(a & below) + b;
          }),
    lanes(0x28d, "v_mbcnt_hi_u32_b32",
          [](u32 a, u32 b, LaneIndex lane) {
              const u32 below = lane.value < 32 ? 0u : (1u << (lane.value & 31)) - 1;
              return popcount(a & below) + b;
          }),
    lanes(0x28f, "v_lshlrev_b64", [](u32 a, u64 b) { return b << (a & 63); }),
    lanes(0x290, "v_lshrrev_b64", [](u32 a, u64 b) { return (b >> (a & 63)); }),
    lanes(0x291, "v_ashrrev_i64", [](u32 a, i64 b) { return (b >> (a & 63)); }),
    lanes(0x293, "v_bfm_b32", [](u32 a, u32 b) { return ((1u << (a & 31)) - 1) << (b & 31); }),
    lanes(0x297, "v_cvt_pk_u16_u32",
          [](u32 a, u32 b) { return u32{clamp_u16(a)} | u32{clamp_u16(b)} << 16; }),
    lanes(0x298, "v_cvt_pk_i16_i32",
          [](i32 a, i32 b) {
              return u32{static_cast<u16>(clamp_i16(a))} | u32{static_cast<u16>(clamp_i16(b))}
                                                               << 16;
          }),
    clampable(
        0x29c, "v_add_i32", [](u32 a, u32 b) { return a + b; },
        [](i32 a, i32 b) { return clamp_i32(i64{a} + b); }),
    clampable(
        0x29d, "v_sub_i32", [](u32 a, u32 b) { return a - b; },
        [](i32 a, i32 b) { return clamp_i32(i64{a} - b); }),
    clampable(
        0x29e, "v_add_i16", [](i16 a, i16 b) { return static_cast<i16>(a + b); },
        [](i16 a, i16 b) { return clamp_i16(i64{a} + b); })
        .with(ValuOp::kKeepsHigh),
    clampable(
        0x29f, "v_sub_i16", [](i16 a, i16 b) { return static_cast<i16>(a - b); },
        [](i16 a, i16 b) { return clamp_i16(i64{a} - b); })
        .with(ValuOp::kKeepsHigh),
};

}  // namespace

ValuTable vop3_integer_ops() {
    return kVop3IntegerOps;
}

}  // namespace simgpu::gfx9
