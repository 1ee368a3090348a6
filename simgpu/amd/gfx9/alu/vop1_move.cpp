// VOP1: moves, bit operations, and the instructions that cross lanes.
#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/valu.h"

namespace simgpu::gfx9 {

namespace {

u32 reverse(u32 x) {
    x = (x >> 1 & 0x55555555u) | (x & 0x55555555u) << 1;
    x = (x >> 2 & 0x33333333u) | (x & 0x33333333u) << 2;
    x = (x >> 4 & 0x0f0f0f0fu) | (x & 0x0f0f0f0fu) << 4;
    return __builtin_bswap32(x);
}
u32 leading_zeros(u32 x) {
    return x ? static_cast<u32>(std::countl_zero(x)) : ~0u;
}

// V_SAT_PK_U8_I16: two signed words to two unsigned bytes.
u16 saturate_bytes(u32 x) {
    const auto byte = [](int16_t v) { return static_cast<u32>(v < 0 ? 0 : v > 255 ? 255 : v); };
    return static_cast<u16>(byte(static_cast<int16_t>(x)) | byte(static_cast<int16_t>(x >> 16))
                                                                << 8);
}

void read_first_lane(Wave& w, const Instruction& in) {
    const uint64_t exec = w.exec();
    const int lane = exec ? std::countr_zero(exec) : 0;
    w.s[in.dst] =
        in.src[0].is_vgpr() ? w.v[in.src[0].index].lane[lane] : read_scalar32(w, in.src[0]);
}

void swap_registers(Wave& w, const Instruction& in) {
    if (!in.src[0].is_vgpr()) return handle_unknown(w, in);
    const Row from = w.v[in.src[0].index], to = w.v[in.dst];
    w.write_vgpr(in.dst, from);
    w.write_vgpr(in.src[0].index, to);
}

constexpr ValuOp kVop1MoveOps[] = {
    whole_wave(0x00, "v_nop", nothing, Type::kNone),
    lanes(0x01, "v_mov_b32", [](u32 a) { return a; }),
    whole_wave(0x02, "v_readfirstlane_b32", read_first_lane, Type::kB32).with(ValuOp::kScalarDst),
    lanes(0x2b, "v_not_b32", [](u32 a) { return ~a; }),
    lanes(0x2c, "v_bfrev_b32", [](u32 a) { return reverse(a); }),
    lanes(0x2d, "v_ffbh_u32", [](u32 a) { return leading_zeros(a); }),
    lanes(0x2e, "v_ffbl_b32",
          [](u32 a) { return a ? static_cast<u32>(std::countr_zero(a)) : ~0u; }),
    lanes(0x2f, "v_ffbh_i32",
          [](int32_t a) { return leading_zeros(static_cast<u32>(a < 0 ? ~a : a)); }),
    whole_wave(0x35, "v_clrexcp", nothing, Type::kNone),
    lanes(0x4f, "v_sat_pk_u8_i16", [](u32 a) { return saturate_bytes(a); }),
    whole_wave(0x51, "v_swap_b32", swap_registers, Type::kB32),
};

}  // namespace

ValuTable vop1_move_ops() {
    return kVop1MoveOps;
}

}  // namespace simgpu::gfx9
