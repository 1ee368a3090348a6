// VOP3P: packed 16-bit math, run as two 16-bit instructions; and the mixed-precision multiply-adds.
#include <algorithm>

#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/valu.h"
#include "simgpu/amd/gfx9/wave/float_math.h"

namespace simgpu::gfx9 {

namespace {

u16 clamp_u16(int64_t exact) {
    return static_cast<u16>(std::clamp<int64_t>(exact, 0, UINT16_MAX));
}
i16 clamp_i16(int64_t exact) {
    return static_cast<i16>(std::clamp<int64_t>(exact, INT16_MIN, INT16_MAX));
}

template <class F, class Clamped>
constexpr ValuOp clampable(uint16_t opcode, const char* name, F lambda, Clamped) {
    return lanes(opcode, name, lambda).saturating(kernel_of<Clamped{}>);
}

// V_MAD_MIX*: each source is a float, or with OP_SEL_HI one half of its register. NEG_HI means
// ABS here. The multiply-add rounds twice and keeps no denormals.
void mix_source(const Wave& w, const Instruction& in, unsigned i, Row& to) {
    const Modifiers& m = in.mods;
    Row spare;
    const Row& from = read_row(w, in.src[i], spare);
    const bool half = m.op_sel_hi >> i & 1;
    const unsigned shift = (m.op_sel >> i & 1) ? 16 : 0;
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const u32 bits = from.lane[lane];
        to.lane[lane] =
            half ? std::bit_cast<u32>(half_to_float(static_cast<u16>(bits >> shift))) : bits;
    }
    apply_sign_modifiers(to, Type::kF32, m.neg_hi >> i & 1, m.neg >> i & 1);
}

void multiply_add_mixed(const Wave& w, const Instruction& in, Row& result) {
    Row source[3];
    for (unsigned i = 0; i < 3; i++) mix_source(w, in, i, source[i]);
    for (unsigned lane = 0; lane < kLanes; lane++) {
        float value = std::bit_cast<float>(source[0].lane[lane]) *
                          std::bit_cast<float>(source[1].lane[lane]) +
                      std::bit_cast<float>(source[2].lane[lane]);
        if (in.mods.clamp) value = value > 0.0f ? std::min(value, 1.0f) : 0.0f;
        result.lane[lane] = std::bit_cast<u32>(value);
    }
}

void mad_mix(Wave& w, const Instruction& in) {
    Row result;
    multiply_add_mixed(w, in, result);
    w.write_vgpr(in.dst, result);
}
template <unsigned Shift>
void mad_mix_half(Wave& w, const Instruction& in) {
    Row result;
    multiply_add_mixed(w, in, result);
    const Row& old = w.v[in.dst];
    constexpr u32 kMask = 0xffffu << Shift;
    for (unsigned lane = 0; lane < kLanes; lane++) {
        const u32 half = float_to_half(std::bit_cast<float>(result.lane[lane]));
        result.lane[lane] = (old.lane[lane] & ~kMask) | half << Shift;
    }
    w.write_vgpr(in.dst, result);
}

constexpr ValuOp mix(uint16_t opcode, const char* name, Handler handler) {
    ValuOp op = whole_wave(opcode, name, handler, Type::kF32, Type::kF32);
    op.src[2] = Type::kF32;
    op.fp = FpClass::kFlushed;
    return op;
}

constexpr ValuOp kVop3pOps[] = {
    clampable(
        0x00, "v_pk_mad_i16", [](i16 a, i16 b, i16 c) { return static_cast<i16>(a * b + c); },
        [](i16 a, i16 b, i16 c) { return clamp_i16(int64_t{a} * b + c); }),
    lanes(0x01, "v_pk_mul_lo_u16", [](u16 a, u16 b) { return static_cast<u16>(u32{a} * b); }),
    clampable(
        0x02, "v_pk_add_i16", [](i16 a, i16 b) { return static_cast<i16>(a + b); },
        [](i16 a, i16 b) { return clamp_i16(a + b); }),
    clampable(
        0x03, "v_pk_sub_i16", [](i16 a, i16 b) { return static_cast<i16>(a - b); },
        [](i16 a, i16 b) { return clamp_i16(a - b); }),
    lanes(0x04, "v_pk_lshlrev_b16",
          [](u16 a, u16 b) { return static_cast<u16>(u32{b} << (a & 15)); }),
    lanes(0x05, "v_pk_lshrrev_b16", [](u16 a, u16 b) { return static_cast<u16>(b >> (a & 15)); }),
    lanes(0x06, "v_pk_ashrrev_i16", [](u16 a, i16 b) { return static_cast<i16>(b >> (a & 15)); }),
    lanes(0x07, "v_pk_max_i16", [](i16 a, i16 b) { return std::max(a, b); }),
    lanes(0x08, "v_pk_min_i16", [](i16 a, i16 b) { return std::min(a, b); }),
    clampable(
        0x09, "v_pk_mad_u16", [](u16 a, u16 b, u16 c) { return static_cast<u16>(u32{a} * b + c); },
        [](u16 a, u16 b, u16 c) { return clamp_u16(int64_t{a} * b + c); }),
    clampable(
        0x0a, "v_pk_add_u16", [](u16 a, u16 b) { return static_cast<u16>(a + b); },
        [](u16 a, u16 b) { return clamp_u16(a + b); }),
    clampable(
        0x0b, "v_pk_sub_u16", [](u16 a, u16 b) { return static_cast<u16>(a - b); },
        [](u16 a, u16 b) { return clamp_u16(a - b); }),
    lanes(0x0c, "v_pk_max_u16", [](u16 a, u16 b) { return std::max(a, b); }),
    lanes(0x0d, "v_pk_min_u16", [](u16 a, u16 b) { return std::min(a, b); }),
    lanes(0x0e, "v_pk_fma_f16", [](Half a, Half b, Half c) { return fused_multiply_add(a, b, c); }),
    lanes(0x0f, "v_pk_add_f16", [](Half a, Half b) -> Half { return float{a} + float{b}; }),
    lanes(0x10, "v_pk_mul_f16", [](Half a, Half b) -> Half { return float{a} * float{b}; }),
    lanes(0x11, "v_pk_min_f16", [](Half a, Half b) -> Half { return min_num(float{a}, float{b}); }),
    lanes(0x12, "v_pk_max_f16", [](Half a, Half b) -> Half { return max_num(float{a}, float{b}); }),
    mix(0x20, "v_mad_mix_f32", mad_mix),
    mix(0x21, "v_mad_mixlo_f16", mad_mix_half<0>),
    mix(0x22, "v_mad_mixhi_f16", mad_mix_half<16>),
};

}  // namespace

ValuTable vop3p_ops() {
    return kVop3pOps;
}

}  // namespace simgpu::gfx9
