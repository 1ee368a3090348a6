// Scalar ALU with one operand: SOP1.
#include <cstdlib>

#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/scalar_op.h"

namespace simgpu::gfx9 {

namespace {

template <class T>
T reverse_bits(T value) {
    T result = 0;
    for (unsigned i = 0; i < sizeof(T) * 8; i++) {
        result = static_cast<T>(result << 1 | (value & 1));
        value = static_cast<T>(value >> 1);
    }
    return result;
}

template <class T>
u32 find_lowest_one(T value) {
    return value ? static_cast<u32>(std::countr_zero(value)) : ~0u;
}

template <class T>
u32 count_leading_zeros(T value) {
    return value ? static_cast<u32>(std::countl_zero(value)) : ~0u;
}

// Position from the top of the first bit that differs from the sign.
template <class T>
u32 count_sign_bits(T value) {
    using U = std::make_unsigned_t<T>;
    return count_leading_zeros(static_cast<U>(value < 0 ? ~value : value));
}

// Each bit of the result says whether any of a quad's four bits is set.
u64 quad_any(u64 value, unsigned bits) {
    u64 result = 0;
    for (unsigned quad = 0; quad < bits / 4; quad++)
        if ((value >> (4 * quad)) & 0xf) result |= u64{1} << quad;
    return result;
}

u64 whole_quads(u64 value) {
    u64 result = 0;
    for (unsigned quad = 0; quad < 16; quad++)
        if ((value >> (4 * quad)) & 0xf) result |= u64{0xf} << (4 * quad);
    return result;
}

u64 replicate_bits(u32 value) {
    u64 result = 0;
    for (unsigned i = 0; i < 32; i++)
        if ((value >> i) & 1) result |= u64{3} << (2 * i);
    return result;
}

// S_*_SAVEEXEC: returns the old EXEC after setting the new one.
u64 save_exec(Wave& w, u64 next) {
    const u64 old = w.exec();
    w.set_exec(next);
    w.scc = next != 0;
    return old;
}

// S_*_WREXEC: returns the new EXEC.
u64 write_exec(Wave& w, u64 next) {
    w.set_exec(next);
    return set_scc_nonzero(w, next);
}

// M0-relative register numbers; those out of range name register 0 (Vega ISA, "Out-of-range").
unsigned relative(const Wave& w, unsigned base, unsigned registers) {
    const u64 index = u64{base} + w.m0();
    return index + registers <= code::kVccLo + 2 ? static_cast<unsigned>(index) : 0;
}

u64 source_register(const Wave& w, const Instruction& in, unsigned registers) {
    const unsigned index = in.src[0].kind == Operand::Kind::kSgpr ? in.src[0].index : 0u;
    return w.s64(relative(w, index, registers));
}

void movrels_b32(Wave& w, const Instruction& in) {
    w.s[in.dst] = static_cast<u32>(source_register(w, in, 1));
}
void movrels_b64(Wave& w, const Instruction& in) {
    w.set_s64(in.dst, source_register(w, in, 2));
}
void movreld_b32(Wave& w, const Instruction& in) {
    w.s[relative(w, in.dst, 1)] = read_scalar32(w, in.src[0]);
}
void movreld_b64(Wave& w, const Instruction& in) {
    w.set_s64(relative(w, in.dst, 2), read_scalar64(w, in.src[0]));
}
void cmov_b32(Wave& w, const Instruction& in) {
    if (w.scc) w.s[in.dst] = read_scalar32(w, in.src[0]);
}
void cmov_b64(Wave& w, const Instruction& in) {
    if (w.scc) w.set_s64(in.dst, read_scalar64(w, in.src[0]));
}
void getpc(Wave& w, const Instruction& in) {
    w.set_s64(in.dst, w.pc);
}
void swappc(Wave& w, const Instruction& in) {
    const u64 target = read_scalar64(w, in.src[0]);
    w.set_s64(in.dst, w.pc);
    w.pc = target & ~u64{3};
}
void bitset_b32(Wave& w, const Instruction& in, bool set) {
    const u32 bit = 1u << (read_scalar32(w, in.src[0]) & 31);
    w.s[in.dst] = set ? w.s[in.dst] | bit : w.s[in.dst] & ~bit;
}
void bitset_b64(Wave& w, const Instruction& in, bool set) {
    const u64 bit = u64{1} << (read_scalar32(w, in.src[0]) & 63);
    w.set_s64(in.dst, set ? w.s64(in.dst) | bit : w.s64(in.dst) & ~bit);
}
void bitset0_b32(Wave& w, const Instruction& in) {
    bitset_b32(w, in, false);
}
void bitset1_b32(Wave& w, const Instruction& in) {
    bitset_b32(w, in, true);
}
void bitset0_b64(Wave& w, const Instruction& in) {
    bitset_b64(w, in, false);
}
void bitset1_b64(Wave& w, const Instruction& in) {
    bitset_b64(w, in, true);
}

constexpr ScalarOp kSop1[] = {
    scalar(0x00, "s_mov_b32", [](Wave&, u32 a) { return a; }),
    scalar(0x01, "s_mov_b64", [](Wave&, u64 a) { return a; }),
    scalar_raw(0x02, "s_cmov_b32", cmov_b32, Type::kB32),
    scalar_raw(0x03, "s_cmov_b64", cmov_b64, Type::kB64),
    scalar(0x04, "s_not_b32", [](Wave& w, u32 a) { return set_scc_nonzero(w, ~a); }),
    scalar(0x05, "s_not_b64", [](Wave& w, u64 a) { return set_scc_nonzero(w, ~a); }),
    scalar(0x06, "s_wqm_b32",
           [](Wave& w, u32 a) { return set_scc_nonzero(w, static_cast<u32>(whole_quads(a))); }),
    scalar(0x07, "s_wqm_b64", [](Wave& w, u64 a) { return set_scc_nonzero(w, whole_quads(a)); }),
    scalar(0x08, "s_brev_b32", [](Wave&, u32 a) { return reverse_bits(a); }),
    scalar(0x09, "s_brev_b64", [](Wave&, u64 a) { return reverse_bits(a); }),
    scalar(0x0a, "s_bcnt0_i32_b32",
           [](Wave& w, u32 a) { return set_scc_nonzero(w, 32 - std::popcount(a)); }),
    scalar(0x0b, "s_bcnt0_i32_b64",
           [](Wave& w, u64 a) { return set_scc_nonzero(w, 64 - std::popcount(a)); }),
    scalar(0x0c, "s_bcnt1_i32_b32",
           [](Wave& w, u32 a) { return set_scc_nonzero(w, std::popcount(a)); }),
    scalar(0x0d, "s_bcnt1_i32_b64",
           [](Wave& w, u64 a) { return set_scc_nonzero(w, std::popcount(a)); }),
    scalar(0x0e, "s_ff0_i32_b32", [](Wave&, u32 a) { return find_lowest_one(~a); }),
    scalar(0x0f, "s_ff0_i32_b64", [](Wave&, u64 a) { return find_lowest_one(~a); }),
    scalar(0x10, "s_ff1_i32_b32", [](Wave&, u32 a) { return find_lowest_one(a); }),
    scalar(0x11, "s_ff1_i32_b64", [](Wave&, u64 a) { return find_lowest_one(a); }),
    scalar(0x12, "s_flbit_i32_b32", [](Wave&, u32 a) { return count_leading_zeros(a); }),
    scalar(0x13, "s_flbit_i32_b64", [](Wave&, u64 a) { return count_leading_zeros(a); }),
    scalar(0x14, "s_flbit_i32", [](Wave&, i32 a) { return count_sign_bits(a); }),
    scalar(0x15, "s_flbit_i32_i64", [](Wave&, i64 a) { return count_sign_bits(a); }),
    scalar(0x16, "s_sext_i32_i8", [](Wave&, u32 a) { return i32{static_cast<int8_t>(a)}; }),
    scalar(0x17, "s_sext_i32_i16", [](Wave&, u32 a) { return i32{static_cast<int16_t>(a)}; }),
    scalar_raw(0x18, "s_bitset0_b32", bitset0_b32, Type::kB32),
    scalar_raw(0x19, "s_bitset0_b64", bitset0_b64, Type::kB32),
    scalar_raw(0x1a, "s_bitset1_b32", bitset1_b32, Type::kB32),
    scalar_raw(0x1b, "s_bitset1_b64", bitset1_b64, Type::kB32),
    scalar_raw(0x1c, "s_getpc_b64", getpc),
    scalar(0x1d, "s_setpc_b64", [](Wave& w, u64 a) { w.pc = a & ~u64{3}; }),
    scalar_raw(0x1e, "s_swappc_b64", swappc, Type::kB64),
    scalar(0x20, "s_and_saveexec_b64", [](Wave& w, u64 a) { return save_exec(w, a & w.exec()); }),
    scalar(0x21, "s_or_saveexec_b64", [](Wave& w, u64 a) { return save_exec(w, a | w.exec()); }),
    scalar(0x22, "s_xor_saveexec_b64", [](Wave& w, u64 a) { return save_exec(w, a ^ w.exec()); }),
    scalar(0x23, "s_andn2_saveexec_b64",
           [](Wave& w, u64 a) { return save_exec(w, a & ~w.exec()); }),
    scalar(0x24, "s_orn2_saveexec_b64", [](Wave& w, u64 a) { return save_exec(w, a | ~w.exec()); }),
    scalar(0x25, "s_nand_saveexec_b64",
           [](Wave& w, u64 a) { return save_exec(w, ~(a & w.exec())); }),
    scalar(0x26, "s_nor_saveexec_b64",
           [](Wave& w, u64 a) { return save_exec(w, ~(a | w.exec())); }),
    scalar(0x27, "s_xnor_saveexec_b64",
           [](Wave& w, u64 a) { return save_exec(w, ~(a ^ w.exec())); }),
    scalar(0x28, "s_quadmask_b32",
           [](Wave& w, u32 a) { return set_scc_nonzero(w, static_cast<u32>(quad_any(a, 32))); }),
    scalar(0x29, "s_quadmask_b64",
           [](Wave& w, u64 a) { return set_scc_nonzero(w, quad_any(a, 64)); }),
    scalar_raw(0x2a, "s_movrels_b32", movrels_b32, Type::kB32),
    scalar_raw(0x2b, "s_movrels_b64", movrels_b64, Type::kB64),
    scalar_raw(0x2c, "s_movreld_b32", movreld_b32, Type::kB32),
    scalar_raw(0x2d, "s_movreld_b64", movreld_b64, Type::kB64),
    scalar(0x30, "s_abs_i32",
           [](Wave& w, u32 a) { return set_scc_nonzero(w, a >> 31 ? 0u - a : a); }),
    scalar(0x32, "s_set_gpr_idx_idx",
           [](Wave& w, u32 a) { w.s[code::kM0] = (w.m0() & ~0xffu) | (a & 0xff); }),
    scalar(0x33, "s_andn1_saveexec_b64",
           [](Wave& w, u64 a) { return save_exec(w, ~a & w.exec()); }),
    scalar(0x34, "s_orn1_saveexec_b64", [](Wave& w, u64 a) { return save_exec(w, ~a | w.exec()); }),
    scalar(0x35, "s_andn1_wrexec_b64", [](Wave& w, u64 a) { return write_exec(w, ~a & w.exec()); }),
    scalar(0x36, "s_andn2_wrexec_b64", [](Wave& w, u64 a) { return write_exec(w, a & ~w.exec()); }),
    scalar(0x37, "s_bitreplicate_b64_b32", [](Wave&, u32 a) { return replicate_bits(a); }),
};

}  // namespace

std::span<const ScalarOp> sop1_ops() {
    return kSop1;
}

}  // namespace simgpu::gfx9
