// VOP2: integer arithmetic, shifts and logic; carries; moves that select.
#include <algorithm>

#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/valu.h"

namespace simgpu::gfx9 {

namespace {

u32 zext24(u32 x) {
    return x & 0xffffff;
}
u32 high32(u64 x) {
    return static_cast<u32>(x >> 32);
}
WithMask<u32> with_carry(u64 wide) {
    return {static_cast<u32>(wide), (wide >> 32) != 0};
}

constexpr auto kSubSaturate = [](u32 a, u32 b) { return a > b ? a - b : 0u; };
constexpr auto kSubSaturate16 = [](u16 a, u16 b) { return static_cast<u16>(a > b ? a - b : 0); };

constexpr ValuOp kVop2IntegerOps[] = {
    lanes(0x00, "v_cndmask_b32", [](u32 a, u32 b, MaskBit c) { return c.set ? b : a; })
        .with(ValuOp::kFloatModifiers),
    lanes(0x06, "v_mul_i32_i24",
          [](u32 a, u32 b) { return static_cast<u32>(sext24(a)) * static_cast<u32>(sext24(b)); }),
    lanes(0x07, "v_mul_hi_i32_i24",
          [](u32 a, u32 b) { return high32(static_cast<u64>(i64{sext24(a)} * sext24(b))); }),
    lanes(0x08, "v_mul_u32_u24", [](u32 a, u32 b) { return zext24(a) * zext24(b); }),
    lanes(0x09, "v_mul_hi_u32_u24",
          [](u32 a, u32 b) { return high32(u64{zext24(a)} * zext24(b)); }),
    lanes(0x0c, "v_min_i32", [](i32 a, i32 b) { return std::min(a, b); }),
    lanes(0x0d, "v_max_i32", [](i32 a, i32 b) { return std::max(a, b); }),
    lanes(0x0e, "v_min_u32", [](u32 a, u32 b) { return std::min(a, b); }),
    lanes(0x0f, "v_max_u32", [](u32 a, u32 b) { return std::max(a, b); }),
    lanes(0x10, "v_lshrrev_b32", [](u32 a, u32 b) { return (b >> (a & 31)); }),
    lanes(0x11, "v_ashrrev_i32", [](u32 a, i32 b) { return (b >> (a & 31)); }),
    lanes(0x12, "v_lshlrev_b32", [](u32 a, u32 b) { return b << (a & 31); }),
    lanes(0x13, "v_and_b32", [](u32 a, u32 b) { return a & b; }),
    lanes(0x14, "v_or_b32", [](u32 a, u32 b) { return a | b; }),
    lanes(0x15, "v_xor_b32", [](u32 a, u32 b) { return a ^ b; }),
    lanes(0x19, "v_add_co_u32", [](u32 a, u32 b) { return with_carry(u64{a} + b); })
        .saturating(kernel_of<[](u32 a, u32 b) {
            const auto sum = with_carry(u64{a} + b);
            return sum.mask ? WithMask<u32>{~0u, true} : sum;
        }>),
    lanes(0x1a, "v_sub_co_u32", [](u32 a, u32 b) { return with_carry(u64{a} - b); })
        .saturating(kernel_of<[](u32 a, u32 b) {
            return WithMask<u32>{b < a ? a - b : 0u, a < b};
        }>),
    lanes(0x1b, "v_subrev_co_u32", [](u32 a, u32 b) { return with_carry(u64{b} - a); })
        .saturating(kernel_of<[](u32 a, u32 b) {
            return WithMask<u32>{a < b ? b - a : 0u, b < a};
        }>),
    lanes(0x1c, "v_addc_co_u32",
          [](u32 a, u32 b, MaskBit c) { return with_carry(u64{a} + b + c.set); })
        .saturating(kernel_of<[](u32 a, u32 b, MaskBit c) {
            const auto sum = with_carry(u64{a} + b + c.set);
            return sum.mask ? WithMask<u32>{~0u, true} : sum;
        }>),
    lanes(0x1d, "v_subb_co_u32",
          [](u32 a, u32 b, MaskBit c) { return with_carry(u64{a} - b - c.set); })
        .saturating(kernel_of<[](u32 a, u32 b, MaskBit c) {
            const auto difference = with_carry(u64{a} - b - c.set);
            return difference.mask ? WithMask<u32>{0u, true} : difference;
        }>),
    lanes(0x1e, "v_subbrev_co_u32",
          [](u32 a, u32 b, MaskBit c) { return with_carry(u64{b} - a - c.set); })
        .saturating(kernel_of<[](u32 a, u32 b, MaskBit c) {
            const auto difference = with_carry(u64{b} - a - c.set);
            return difference.mask ? WithMask<u32>{0u, true} : difference;
        }>),
    lanes(0x26, "v_add_u16", [](u16 a, u16 b) { return static_cast<u16>(a + b); })
        .saturating(
            kernel_of<[](u16 a, u16 b) { return static_cast<u16>(std::min(a + b, 0xffff)); }>),
    lanes(0x27, "v_sub_u16", [](u16 a, u16 b) { return static_cast<u16>(a - b); })
        .saturating(kernel_of<kSubSaturate16>),
    lanes(0x28, "v_subrev_u16", [](u16 a, u16 b) { return static_cast<u16>(b - a); })
        .saturating(kernel_of<[](u16 a, u16 b) { return kSubSaturate16(b, a); }>),
    lanes(0x29, "v_mul_lo_u16", [](u16 a, u16 b) { return static_cast<u16>(u32{a} * b); }),
    lanes(0x2a, "v_lshlrev_b16", [](u16 a, u16 b) { return static_cast<u16>(u32{b} << (a & 15)); }),
    lanes(0x2b, "v_lshrrev_b16", [](u16 a, u16 b) { return static_cast<u16>(b >> (a & 15)); }),
    lanes(0x2c, "v_ashrrev_i16", [](u16 a, i16 b) { return static_cast<i16>(b >> (a & 15)); }),
    lanes(0x2f, "v_max_u16", [](u16 a, u16 b) { return std::max(a, b); }),
    lanes(0x30, "v_max_i16", [](i16 a, i16 b) { return std::max(a, b); }),
    lanes(0x31, "v_min_u16", [](u16 a, u16 b) { return std::min(a, b); }),
    lanes(0x32, "v_min_i16", [](i16 a, i16 b) { return std::min(a, b); }),
    lanes(0x34, "v_add_u32", [](u32 a, u32 b) { return a + b; })
        .saturating(kernel_of<[](u32 a, u32 b) { return a + b < a ? ~0u : a + b; }>),
    lanes(0x35, "v_sub_u32", [](u32 a, u32 b) { return a - b; })
        .saturating(kernel_of<kSubSaturate>),
    lanes(0x36, "v_subrev_u32", [](u32 a, u32 b) { return b - a; })
        .saturating(kernel_of<[](u32 a, u32 b) { return kSubSaturate(b, a); }>),
};

}  // namespace

ValuTable vop2_integer_ops() {
    return kVop2IntegerOps;
}

}  // namespace simgpu::gfx9
