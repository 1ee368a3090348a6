// Scalar ALU with two operands: SOP2, and SOPC, which only sets SCC.
#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/scalar_op.h"

namespace simgpu::gfx9 {

namespace {

u32 add_carry(Wave& w, u64 sum) {
    w.scc = (sum >> 32) != 0;
    return static_cast<u32>(sum);
}

u32 add_overflow(Wave& w, i64 exact) {
    const auto value = static_cast<i32>(exact);
    w.scc = value != exact;
    return static_cast<u32>(value);
}

// S_BFE takes its offset and width from one operand: [4:0] or [5:0], and [22:16].
template <class T>
T bitfield(T value, u32 control) {
    constexpr u32 kBits = sizeof(T) * 8;
    const u32 offset = control & (kBits - 1), width = (control >> 16) & 0x7f;
    if (width == 0) return 0;
    if (offset + width >= kBits) return static_cast<T>(value >> offset);
    const u32 drop = kBits - width - offset;
    using U = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<T>(static_cast<U>(value) << drop) >> (kBits - width));
}

constexpr ScalarOp kSop2[] = {
    scalar(0x00, "s_add_u32", [](Wave& w, u32 a, u32 b) { return add_carry(w, u64{a} + b); }),
    scalar(0x01, "s_sub_u32",
           [](Wave& w, u32 a, u32 b) {
               w.scc = a < b;
               return a - b;
           }),
    scalar(0x02, "s_add_i32", [](Wave& w, i32 a, i32 b) { return add_overflow(w, i64{a} + b); }),
    scalar(0x03, "s_sub_i32", [](Wave& w, i32 a, i32 b) { return add_overflow(w, i64{a} - b); }),
    scalar(0x04, "s_addc_u32",
           [](Wave& w, u32 a, u32 b) { return add_carry(w, u64{a} + b + w.scc); }),
    scalar(0x05, "s_subb_u32",
           [](Wave& w, u32 a, u32 b) { return add_carry(w, u64{a} - b - w.scc); }),
    scalar(0x06, "s_min_i32",
           [](Wave& w, i32 a, i32 b) {
               w.scc = a < b;
               return w.scc ? a : b;
           }),
    scalar(0x07, "s_min_u32",
           [](Wave& w, u32 a, u32 b) {
               w.scc = a < b;
               return w.scc ? a : b;
           }),
    scalar(0x08, "s_max_i32",
           [](Wave& w, i32 a, i32 b) {
               w.scc = b < a;
               return w.scc ? a : b;
           }),
    scalar(0x09, "s_max_u32",
           [](Wave& w, u32 a, u32 b) {
               w.scc = b < a;
               return w.scc ? a : b;
           }),
    scalar(0x0a, "s_cselect_b32", [](Wave& w, u32 a, u32 b) { return w.scc ? a : b; }),
    scalar(0x0b, "s_cselect_b64", [](Wave& w, u64 a, u64 b) { return w.scc ? a : b; }),
    scalar(0x0c, "s_and_b32", [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, a & b); }),
    scalar(0x0d, "s_and_b64", [](Wave& w, u64 a, u64 b) { return set_scc_nonzero(w, a & b); }),
    scalar(0x0e, "s_or_b32", [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, a | b); }),
    scalar(0x0f, "s_or_b64", [](Wave& w, u64 a, u64 b) { return set_scc_nonzero(w, a | b); }),
    scalar(0x10, "s_xor_b32", [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, a ^ b); }),
    scalar(0x11, "s_xor_b64", [](Wave& w, u64 a, u64 b) { return set_scc_nonzero(w, a ^ b); }),
    scalar(0x12, "s_andn2_b32", [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, a & ~b); }),
    scalar(0x13, "s_andn2_b64", [](Wave& w, u64 a, u64 b) { return set_scc_nonzero(w, a & ~b); }),
    scalar(0x14, "s_orn2_b32", [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, a | ~b); }),
    scalar(0x15, "s_orn2_b64", [](Wave& w, u64 a, u64 b) { return set_scc_nonzero(w, a | ~b); }),
    scalar(0x16, "s_nand_b32", [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, ~(a & b)); }),
    scalar(0x17, "s_nand_b64", [](Wave& w, u64 a, u64 b) { return set_scc_nonzero(w, ~(a & b)); }),
    scalar(0x18, "s_nor_b32", [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, ~(a | b)); }),
    scalar(0x19, "s_nor_b64", [](Wave& w, u64 a, u64 b) { return set_scc_nonzero(w, ~(a | b)); }),
    scalar(0x1a, "s_xnor_b32", [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, ~(a ^ b)); }),
    scalar(0x1b, "s_xnor_b64", [](Wave& w, u64 a, u64 b) { return set_scc_nonzero(w, ~(a ^ b)); }),
    scalar(0x1c, "s_lshl_b32",
           [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, a << (b & 31)); }),
    scalar(0x1d, "s_lshl_b64",
           [](Wave& w, u64 a, u32 b) { return set_scc_nonzero(w, a << (b & 63)); }),
    scalar(0x1e, "s_lshr_b32",
           [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, a >> (b & 31)); }),
    scalar(0x1f, "s_lshr_b64",
           [](Wave& w, u64 a, u32 b) { return set_scc_nonzero(w, a >> (b & 63)); }),
    scalar(0x20, "s_ashr_i32",
           [](Wave& w, i32 a, u32 b) { return set_scc_nonzero(w, a >> (b & 31)); }),
    scalar(0x21, "s_ashr_i64",
           [](Wave& w, i64 a, u32 b) { return set_scc_nonzero(w, a >> (b & 63)); }),
    scalar(0x22, "s_bfm_b32",
           [](Wave&, u32 a, u32 b) { return ((1u << (a & 31)) - 1) << (b & 31); }),
    scalar(0x23, "s_bfm_b64",
           [](Wave&, u32 a, u32 b) { return ((u64{1} << (a & 63)) - 1) << (b & 63); }),
    scalar(0x24, "s_mul_i32", [](Wave&, u32 a, u32 b) { return a * b; }),
    scalar(0x25, "s_bfe_u32",
           [](Wave& w, u32 a, u32 b) { return set_scc_nonzero(w, bitfield(a, b)); }),
    scalar(0x26, "s_bfe_i32",
           [](Wave& w, i32 a, u32 b) { return set_scc_nonzero(w, bitfield(a, b)); }),
    scalar(0x27, "s_bfe_u64",
           [](Wave& w, u64 a, u32 b) { return set_scc_nonzero(w, bitfield(a, b)); }),
    scalar(0x28, "s_bfe_i64",
           [](Wave& w, i64 a, u32 b) { return set_scc_nonzero(w, bitfield(a, b)); }),
    scalar(0x2a, "s_absdiff_i32",
           [](Wave& w, i32 a, i32 b) {
               // The difference wraps before its sign is looked at.
               const u32 difference = static_cast<u32>(a) - static_cast<u32>(b);
               return set_scc_nonzero(w, difference >> 31 ? 0u - difference : difference);
           }),
    scalar(0x2c, "s_mul_hi_u32",
           [](Wave&, u32 a, u32 b) { return static_cast<u32>((u64{a} * b) >> 32); }),
    scalar(0x2d, "s_mul_hi_i32",
           [](Wave&, i32 a, i32 b) { return static_cast<u32>((i64{a} * b) >> 32); }),
    scalar(0x2e, "s_lshl1_add_u32",
           [](Wave& w, u32 a, u32 b) { return add_carry(w, (u64{a} << 1) + b); }),
    scalar(0x2f, "s_lshl2_add_u32",
           [](Wave& w, u32 a, u32 b) { return add_carry(w, (u64{a} << 2) + b); }),
    scalar(0x30, "s_lshl3_add_u32",
           [](Wave& w, u32 a, u32 b) { return add_carry(w, (u64{a} << 3) + b); }),
    scalar(0x31, "s_lshl4_add_u32",
           [](Wave& w, u32 a, u32 b) { return add_carry(w, (u64{a} << 4) + b); }),
    scalar(0x32, "s_pack_ll_b32_b16", [](Wave&, u32 a, u32 b) { return (a & 0xffff) | (b << 16); }),
    scalar(0x33, "s_pack_lh_b32_b16",
           [](Wave&, u32 a, u32 b) { return (a & 0xffff) | (b & 0xffff0000); }),
    scalar(0x34, "s_pack_hh_b32_b16",
           [](Wave&, u32 a, u32 b) { return (a >> 16) | (b & 0xffff0000); }),
};

void set_gpr_index_on(Wave& w, const Instruction& in) {
    // The second operand field is an immediate: which operands M0[7:0] is added to.
    const uint32_t index = read_scalar32(w, in.src[0]) & 0xff;
    const uint32_t enables = (in.words[0] >> 8) & 0xf;
    w.s[code::kM0] = (w.m0() & ~0xf0ffu) | index | enables << 12;
    w.mode_bits |= mode::kGprIndexEnable;
}

void set_vskip(Wave& w, uint32_t value, uint32_t bit) {
    const bool skip = (value >> (bit & 31)) & 1;
    w.mode_bits = skip ? w.mode_bits | mode::kVskip : w.mode_bits & ~mode::kVskip;
}

constexpr ScalarOp kSopc[] = {
    scalar(0x00, "s_cmp_eq_i32", [](Wave& w, i32 a, i32 b) { w.scc = a == b; }),
    scalar(0x01, "s_cmp_lg_i32", [](Wave& w, i32 a, i32 b) { w.scc = a != b; }),
    scalar(0x02, "s_cmp_gt_i32", [](Wave& w, i32 a, i32 b) { w.scc = b < a; }),
    scalar(0x03, "s_cmp_ge_i32", [](Wave& w, i32 a, i32 b) { w.scc = a >= b; }),
    scalar(0x04, "s_cmp_lt_i32", [](Wave& w, i32 a, i32 b) { w.scc = a < b; }),
    scalar(0x05, "s_cmp_le_i32", [](Wave& w, i32 a, i32 b) { w.scc = a <= b; }),
    scalar(0x06, "s_cmp_eq_u32", [](Wave& w, u32 a, u32 b) { w.scc = a == b; }),
    scalar(0x07, "s_cmp_lg_u32", [](Wave& w, u32 a, u32 b) { w.scc = a != b; }),
    scalar(0x08, "s_cmp_gt_u32", [](Wave& w, u32 a, u32 b) { w.scc = b < a; }),
    scalar(0x09, "s_cmp_ge_u32", [](Wave& w, u32 a, u32 b) { w.scc = a >= b; }),
    scalar(0x0a, "s_cmp_lt_u32", [](Wave& w, u32 a, u32 b) { w.scc = a < b; }),
    scalar(0x0b, "s_cmp_le_u32", [](Wave& w, u32 a, u32 b) { w.scc = a <= b; }),
    scalar(0x0c, "s_bitcmp0_b32", [](Wave& w, u32 a, u32 b) { w.scc = !((a >> (b & 31)) & 1); }),
    scalar(0x0d, "s_bitcmp1_b32", [](Wave& w, u32 a, u32 b) { w.scc = (a >> (b & 31)) & 1; }),
    scalar(0x0e, "s_bitcmp0_b64", [](Wave& w, u64 a, u32 b) { w.scc = !((a >> (b & 63)) & 1); }),
    scalar(0x0f, "s_bitcmp1_b64", [](Wave& w, u64 a, u32 b) { w.scc = (a >> (b & 63)) & 1; }),
    scalar(0x10, "s_setvskip", [](Wave& w, u32 a, u32 b) { set_vskip(w, a, b); }),
    scalar_raw(0x11, "s_set_gpr_idx_on", set_gpr_index_on, Type::kB32),
    scalar(0x12, "s_cmp_eq_u64", [](Wave& w, u64 a, u64 b) { w.scc = a == b; }),
    scalar(0x13, "s_cmp_lg_u64", [](Wave& w, u64 a, u64 b) { w.scc = a != b; }),
};

}  // namespace

std::span<const ScalarOp> sop2_ops() {
    return kSop2;
}
std::span<const ScalarOp> sopc_ops() {
    return kSopc;
}

}  // namespace simgpu::gfx9
