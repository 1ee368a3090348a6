// SOPK (16-bit immediates) and SOPP (branches, waits, messages).
#include "simgpu/amd/gfx9/alu/graphics_ops.h"
#include "simgpu/amd/gfx9/alu/int_types.h"
#include "simgpu/amd/gfx9/alu/scalar_op.h"

namespace simgpu::gfx9 {

namespace {

// Branch targets count dwords from the next instruction.
void branch(Wave& w, const Instruction& in) {
    w.pc += static_cast<uint64_t>(int64_t{in.imm} * 4);
}
template <auto Condition>
void branch_if(Wave& w, const Instruction& in) {
    if (Condition(w)) branch(w, in);
}

void end_program(Wave& w, const Instruction&) {
    w.status = Wave::Status::kEnded;
}
void barrier(Wave& w, const Instruction&) {
    w.status = Wave::Status::kBarrier;
}
void set_halt(Wave& w, const Instruction& in) {
    if (in.imm & 1) w.status = Wave::Status::kHalted;
}
void send_message_and_halt(Wave& w, const Instruction&) {
    w.status = Wave::Status::kHalted;
}
// Messages to the geometry pipeline are those that a geometry shader's lanes emit and end strips
// with; others have no receiver here.
void send_message(Wave& w, const Instruction& in) {
    if (w.geometry) execute_geometry_message(w, in);
}
void gpr_index_off(Wave& w, const Instruction&) {
    w.mode_bits &= ~mode::kGprIndexEnable;
}
void gpr_index_mode(Wave& w, const Instruction& in) {
    w.s[code::kM0] = (w.m0() & ~0xf000u) | (static_cast<u32>(in.imm) & 0xf) << 12;
}

constexpr ScalarOp kSopp[] = {
    scalar_raw(0x00, "s_nop", nothing),
    scalar_raw(0x01, "s_endpgm", end_program),
    scalar_raw(0x02, "s_branch", branch),
    scalar_raw(0x03, "s_wakeup", nothing),
    scalar_raw(0x04, "s_cbranch_scc0", branch_if<[](const Wave& w) { return !w.scc; }>),
    scalar_raw(0x05, "s_cbranch_scc1", branch_if<[](const Wave& w) { return w.scc; }>),
    scalar_raw(0x06, "s_cbranch_vccz", branch_if<[](const Wave& w) { return w.vcc() == 0; }>),
    scalar_raw(0x07, "s_cbranch_vccnz", branch_if<[](const Wave& w) { return w.vcc() != 0; }>),
    scalar_raw(0x08, "s_cbranch_execz", branch_if<[](const Wave& w) { return w.exec() == 0; }>),
    scalar_raw(0x09, "s_cbranch_execnz", branch_if<[](const Wave& w) { return w.exec() != 0; }>),
    scalar_raw(0x0a, "s_barrier", barrier),
    scalar_raw(0x0b, "s_setkill", nothing),
    scalar_raw(0x0c, "s_waitcnt", nothing),
    scalar_raw(0x0d, "s_sethalt", set_halt),
    scalar_raw(0x0e, "s_sleep", nothing),
    scalar_raw(0x0f, "s_setprio", nothing),
    scalar_raw(0x10, "s_sendmsg", send_message),
    scalar_raw(0x11, "s_sendmsghalt", send_message_and_halt),
    // No trap handler is installed: the hardware treats the trap as a no-op then.
    scalar_raw(0x12, "s_trap", nothing),
    scalar_raw(0x13, "s_icache_inv", nothing),
    scalar_raw(0x14, "s_incperflevel", nothing),
    scalar_raw(0x15, "s_decperflevel", nothing),
    scalar_raw(0x16, "s_ttracedata", nothing),
    // The conditional debug flags are never set.
    scalar_raw(0x17, "s_cbranch_cdbgsys", nothing),
    scalar_raw(0x18, "s_cbranch_cdbguser", nothing),
    scalar_raw(0x19, "s_cbranch_cdbgsys_or_user", nothing),
    scalar_raw(0x1a, "s_cbranch_cdbgsys_and_user", nothing),
    scalar_raw(0x1b, "s_endpgm_saved", end_program),
    scalar_raw(0x1c, "s_set_gpr_idx_off", gpr_index_off),
    scalar_raw(0x1d, "s_set_gpr_idx_mode", gpr_index_mode),
    scalar_raw(0x1e, "s_endpgm_ordered_ps_done", end_program),
};

// Hardware registers of S_GETREG/S_SETREG (Vega ISA, "Hardware register values"). Only MODE holds
// state here; SH_MEM_BASES gives the apertures as the amdgpu kernel driver programs them.
constexpr u32 kHwregMode = 1;
constexpr u32 kHwregShMemBases = 15;
constexpr u32 kShMemBases = 0x60006000;

struct HwregField {
    u32 id, offset, mask;
};
HwregField hwreg_field(const Instruction& in) {
    const u32 imm = in.words[0] & 0xffff;
    const u32 width = (imm >> 11) + 1;
    const u32 mask = width == 32 ? ~0u : (1u << width) - 1;
    return {imm & 0x3f, (imm >> 6) & 0x1f, mask};
}

void getreg(Wave& w, const Instruction& in) {
    const HwregField field = hwreg_field(in);
    u32 value = 0;
    if (field.id == kHwregMode) value = w.mode_bits;
    if (field.id == kHwregShMemBases) value = kShMemBases;
    w.s[in.dst] = (value >> field.offset) & field.mask;
}

void write_hwreg(Wave& w, const HwregField& field, u32 value) {
    if (field.id != kHwregMode) return;
    const u32 mask = field.mask << field.offset;
    w.mode_bits = (w.mode_bits & ~mask) | ((value << field.offset) & mask);
}
void setreg(Wave& w, const Instruction& in) {
    write_hwreg(w, hwreg_field(in), w.s[in.dst]);
}
void setreg_imm32(Wave& w, const Instruction& in) {
    write_hwreg(w, hwreg_field(in), in.literal);
}
void call(Wave& w, const Instruction& in) {
    w.set_s64(in.dst, w.pc);
    branch(w, in);
}
void cmovk(Wave& w, const Instruction& in) {
    if (w.scc) w.s[in.dst] = static_cast<u32>(in.imm);
}

// SOPK lambdas get the old destination and the sign-extended immediate.
constexpr u32 zext(i32 imm) {
    return static_cast<u32>(imm) & 0xffff;
}

constexpr ScalarOp kSopk[] = {
    scalar(0x00, "s_movk_i32", [](Wave&, u32, i32 k) { return k; }),
    scalar_raw(0x01, "s_cmovk_i32", cmovk),
    scalar(0x02, "s_cmpk_eq_i32", [](Wave& w, i32 a, i32 k) { w.scc = a == k; }),
    scalar(0x03, "s_cmpk_lg_i32", [](Wave& w, i32 a, i32 k) { w.scc = a != k; }),
    scalar(0x04, "s_cmpk_gt_i32", [](Wave& w, i32 a, i32 k) { w.scc = k < a; }),
    scalar(0x05, "s_cmpk_ge_i32", [](Wave& w, i32 a, i32 k) { w.scc = a >= k; }),
    scalar(0x06, "s_cmpk_lt_i32", [](Wave& w, i32 a, i32 k) { w.scc = a < k; }),
    scalar(0x07, "s_cmpk_le_i32", [](Wave& w, i32 a, i32 k) { w.scc = a <= k; }),
    scalar(0x08, "s_cmpk_eq_u32", [](Wave& w, u32 a, i32 k) { w.scc = a == zext(k); }),
    scalar(0x09, "s_cmpk_lg_u32", [](Wave& w, u32 a, i32 k) { w.scc = a != zext(k); }),
    scalar(0x0a, "s_cmpk_gt_u32", [](Wave& w, u32 a, i32 k) { w.scc = zext(k) < a; }),
    scalar(0x0b, "s_cmpk_ge_u32", [](Wave& w, u32 a, i32 k) { w.scc = a >= zext(k); }),
    scalar(0x0c, "s_cmpk_lt_u32", [](Wave& w, u32 a, i32 k) { w.scc = a < zext(k); }),
    scalar(0x0d, "s_cmpk_le_u32", [](Wave& w, u32 a, i32 k) { w.scc = a <= zext(k); }),
    scalar(0x0e, "s_addk_i32",
           [](Wave& w, i32 a, i32 k) {
               const int64_t exact = int64_t{a} + k;
               w.scc = exact != static_cast<i32>(exact);
               return static_cast<i32>(exact);
           }),
    scalar(0x0f, "s_mulk_i32", [](Wave&, u32 a, i32 k) { return a * static_cast<u32>(k); }),
    scalar_raw(0x11, "s_getreg_b32", getreg),
    scalar_raw(0x12, "s_setreg_b32", setreg),
    scalar_raw(0x14, "s_setreg_imm32_b32", setreg_imm32),
    scalar_raw(0x15, "s_call_b64", call),
};

}  // namespace

std::span<const ScalarOp> sopk_ops() {
    return kSopk;
}
std::span<const ScalarOp> sopp_ops() {
    return kSopp;
}

}  // namespace simgpu::gfx9
