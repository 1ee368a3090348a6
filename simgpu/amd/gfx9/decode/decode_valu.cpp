#include "simgpu/amd/gfx9/decode/decode_valu.h"

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/decode/opcode_tables.h"
#include "simgpu/amd/gfx9/decode/operand.h"

namespace simgpu::gfx9 {

namespace {

uint8_t small(uint32_t word, unsigned low, unsigned count) {
    return static_cast<uint8_t>(bits(word, low, count));
}

unsigned registers_of(Type type) {
    return is_wide(type) ? 2 : 1;
}

bool is_compare(const ValuOp& op) {
    return op.mask_out && op.dst == Type::kNone;
}

void set_destination(Instruction& in, const ValuOp& op, uint32_t index, unsigned vgpr_count) {
    if (op.flags & ValuOp::kScalarDst)
        in.dst = static_cast<uint16_t>(index & 0x7f);
    else
        in.dst = destination_vgpr(index, registers_of(op.dst), vgpr_count);
    if (op.flags & ValuOp::kAccumulates)
        in.src[2] = {Operand::Kind::kVgpr, source_vgpr(index, registers_of(op.src[2]), vgpr_count),
                     0};
}

// Chooses the handler: the plain one only if nothing but dwords in, dword out is wanted.
void set_handler(Instruction& in, const ValuOp& op) {
    in.valu = &op;
    in.name = op.name;
    in.fp = op.fp;
    in.vector = true;
    if (op.handler) {
        in.handler = op.handler;
        return;
    }
    if (in.encoding == Encoding::kVop3p) {
        in.handler = execute_valu_packed;
        return;
    }
    const Modifiers& m = in.mods;
    bool plain = !op.mask_out && !is_wide(op.dst) && op.dst != Type::kNone &&
                 !(op.flags & ValuOp::kKeepsHigh) &&
                 !(m.abs | m.neg | m.op_sel | m.omod | m.clamp | m.sdwa | m.dpp);
    for (Type type : op.src) plain = plain && !is_wide(type) && type != Type::kMask;
    in.handler = plain ? execute_valu_plain : execute_valu;
}

// SDWA: the second word (Vega ISA, "VOP_SDWA").
void decode_sdwa(Instruction& in, bool compare) {
    const uint32_t w = in.words[1];
    Modifiers& m = in.mods;
    m.sdwa = true;
    if (!compare) {
        m.dst_select = static_cast<Select>(bits(w, 8, 3));
        m.dst_unused = static_cast<Unused>(bits(w, 11, 2));
        m.clamp = bits(w, 13, 1);
        m.omod = small(w, 14, 2);
    } else {
        // A destination of its own instead of VCC.
        in.sdst = bits(w, 15, 1) ? field(w, 8, 7) : code::kVccLo;
    }
    m.select[0] = static_cast<Select>(bits(w, 16, 3));
    m.sign_extend[0] = bits(w, 19, 1);
    m.neg = static_cast<uint8_t>(bits(w, 20, 1) | bits(w, 28, 1) << 1);
    m.abs = static_cast<uint8_t>(bits(w, 21, 1) | bits(w, 29, 1) << 1);
    m.select[1] = static_cast<Select>(bits(w, 24, 3));
    m.sign_extend[1] = bits(w, 27, 1);
}

// DPP: the second word (Vega ISA, "VOP_DPP").
void decode_dpp(Instruction& in) {
    const uint32_t w = in.words[1];
    Modifiers& m = in.mods;
    m.dpp = true;
    m.dpp_ctrl = field(w, 8, 9);
    m.bound_ctrl = bits(w, 19, 1);
    m.neg = static_cast<uint8_t>(bits(w, 20, 1) | bits(w, 22, 1) << 1);
    m.abs = static_cast<uint8_t>(bits(w, 21, 1) | bits(w, 23, 1) << 1);
    m.bank_mask = small(w, 24, 4);
    m.row_mask = small(w, 28, 4);
}

// Source fields of VOP1, VOP2 and VOPC as 9-bit operand codes.
struct SourceCodes {
    uint32_t src0;
    uint32_t src1;
};
SourceCodes source_codes(Instruction& in, bool compare) {
    uint32_t src0 = bits(in.words[0], 0, 9);
    uint32_t src1 = bits(in.words[0], 9, 8) + code::kVgpr0;
    if (src0 == code::kSdwa) {
        decode_sdwa(in, compare);
        // Bits 23 and 31: the source is an SGPR.
        src0 = bits(in.words[1], 0, 8) + (bits(in.words[1], 23, 1) ? 0u : code::kVgpr0);
        if (bits(in.words[1], 31, 1)) src1 -= code::kVgpr0;
    } else if (src0 == code::kDpp) {
        decode_dpp(in);
        src0 = bits(in.words[1], 0, 8) + code::kVgpr0;
    }
    return {src0, src1};
}

Operand vcc_operand() {
    return {Operand::Kind::kSgpr, code::kVccLo, 0};
}

void decode_vop1(Instruction& in, const ValuOp& op, unsigned vgpr_count) {
    const SourceCodes codes = source_codes(in, false);
    in.src[0] = vector_operand(in, codes.src0, op.src[0], vgpr_count);
    set_destination(in, op, bits(in.words[0], 17, 8), vgpr_count);
}

void decode_vop2(Instruction& in, const ValuOp& op, unsigned vgpr_count) {
    const SourceCodes codes = source_codes(in, false);
    in.sdst = code::kVccLo;
    in.src[0] = vector_operand(in, codes.src0, op.src[0], vgpr_count);
    const bool literal_second = op.flags & ValuOp::kLiteralSecond;
    in.src[literal_second ? 2 : 1] = vector_operand(in, codes.src1, op.src[1], vgpr_count);
    const Operand literal{Operand::Kind::kConstant, 0, in.literal};
    if (literal_second) in.src[1] = literal;
    if (op.flags & ValuOp::kLiteralThird) in.src[2] = literal;
    if (op.src[2] == Type::kMask) in.src[2] = vcc_operand();
    set_destination(in, op, bits(in.words[0], 17, 8), vgpr_count);
}

void decode_vopc(Instruction& in, const ValuOp& op, unsigned vgpr_count) {
    in.sdst = code::kVccLo;
    const SourceCodes codes = source_codes(in, true);
    in.src[0] = vector_operand(in, codes.src0, op.src[0], vgpr_count);
    in.src[1] = vector_operand(in, codes.src1, op.src[1], vgpr_count);
}

void decode_vop3(Instruction& in, const ValuOp& op, unsigned vgpr_count) {
    const uint32_t w0 = in.words[0], w1 = in.words[1];
    const unsigned shifts[] = {0, 9, 18};
    for (unsigned i = 0; i < 3; i++) {
        // A whole-wave handler names its operand types like any other row.
        if (op.src[i] == Type::kNone) continue;
        in.src[i] = vector_operand(in, bits(w1, shifts[i], 9), op.src[i], vgpr_count);
    }
    if (op.flags & ValuOp::kImplicitVcc) in.src[3] = vcc_operand();
    in.mods.neg = small(w1, 29, 3);
    in.mods.omod = small(w1, 27, 2);
    in.mods.clamp = bits(w0, 15, 1);
    if (is_compare(op)) {
        in.sdst = field(w0, 0, 7);
        in.mods.abs = small(w0, 8, 3);
        return;
    }
    if (op.mask_out) {  // VOP3B: a scalar destination where the others have ABS and OP_SEL
        in.sdst = field(w0, 8, 7);
    } else {
        in.mods.abs = small(w0, 8, 3);
        in.mods.op_sel = small(w0, 11, 4);
    }
    set_destination(in, op, bits(w0, 0, 8), vgpr_count);
}

void decode_vop3p(Instruction& in, const ValuOp& op, unsigned vgpr_count) {
    const uint32_t w0 = in.words[0], w1 = in.words[1];
    const unsigned shifts[] = {0, 9, 18};
    for (unsigned i = 0; i < 3 && op.src[i] != Type::kNone; i++)
        in.src[i] = vector_operand(in, bits(w1, shifts[i], 9), op.src[i], vgpr_count);
    in.mods.neg = small(w1, 29, 3);
    in.mods.neg_hi = small(w0, 8, 3);
    in.mods.op_sel = small(w0, 11, 3);
    in.mods.op_sel_hi = static_cast<uint8_t>(bits(w1, 27, 2) | bits(w0, 14, 1) << 2);
    in.mods.clamp = bits(w0, 15, 1);
    set_destination(in, op, bits(w0, 0, 8), vgpr_count);
}

}  // namespace

bool valu_has_second_word(uint32_t word) {
    const uint32_t src0 = bits(word, 0, 9), opcode = bits(word, 25, 6);
    if (src0 == code::kSdwa || src0 == code::kDpp || src0 == code::kLiteral) return true;
    const ValuOp* op = opcode < 0x3e ? opcode_tables().vop2[opcode] : nullptr;
    return op && op->flags & (ValuOp::kLiteralSecond | ValuOp::kLiteralThird);
}

void decode_valu(Instruction& in, unsigned vgpr_count) {
    struct Form {
        Encoding encoding;
        unsigned opcode_low, opcode_bits;
        void (*decode)(Instruction&, const ValuOp&, unsigned);
    };
    static constexpr Form kForms[] = {{Encoding::kVop1, 9, 8, decode_vop1},
                                      {Encoding::kVop2, 25, 6, decode_vop2},
                                      {Encoding::kVopc, 17, 8, decode_vopc},
                                      {Encoding::kVop3, 16, 10, decode_vop3},
                                      {Encoding::kVop3p, 16, 7, decode_vop3p}};
    const OpcodeTables& tables = opcode_tables();
    for (const Form& form : kForms) {
        if (form.encoding != in.encoding) continue;
        in.opcode = field(in.words[0], form.opcode_low, form.opcode_bits);
        const ValuOp* op = nullptr;
        switch (in.encoding) {
            case Encoding::kVop1:
                op = tables.vop1[in.opcode];
                break;
            case Encoding::kVop2:
                op = tables.vop2[in.opcode];
                break;
            case Encoding::kVopc:
                op = tables.vopc[in.opcode];
                break;
            case Encoding::kVop3:
                op = tables.vop3[in.opcode];
                break;
            default:
                op = tables.vop3p[in.opcode];
                break;
        }
        if (!op) return;
        form.decode(in, *op, vgpr_count);
        set_handler(in, *op);
        return;
    }
}

Instruction with_gpr_index(const Instruction& in, uint32_t m0, unsigned vgpr_count) {
    Instruction moved = in;
    if (!in.valu) return moved;
    // M0: the index in [7:0], which operands it applies to in [15:12].
    const unsigned index = m0 & 0xff;
    for (unsigned i = 0; i < 3; i++) {
        if (!(m0 >> (12 + i) & 1) || !in.src[i].is_vgpr()) continue;
        moved.src[i].index =
            source_vgpr(in.src[i].index + index, registers_of(in.valu->src[i]), vgpr_count);
    }
    const bool to_vgpr = in.valu->dst != Type::kNone && !(in.valu->flags & ValuOp::kScalarDst);
    if ((m0 >> 15 & 1) && to_vgpr && in.dst < kTrashVgpr)
        moved.dst = destination_vgpr(in.dst + index, registers_of(in.valu->dst), vgpr_count);
    return moved;
}

}  // namespace simgpu::gfx9
