#include "simgpu/amd/gfx9/decode/decode.h"

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/decode/decode_graphics.h"
#include "simgpu/amd/gfx9/decode/decode_memory.h"
#include "simgpu/amd/gfx9/decode/decode_valu.h"
#include "simgpu/amd/gfx9/decode/opcode_tables.h"
#include "simgpu/amd/gfx9/decode/operand.h"

namespace simgpu::gfx9 {

namespace {

// The fixed bits at the top of the first word (Vega ISA, "Microcode formats").
Encoding encoding_of(uint32_t word) {
    if (word >> 31 == 0) {
        const uint32_t op = word >> 25;
        if (op == 0x3e) return Encoding::kVopc;
        if (op == 0x3f) return Encoding::kVop1;
        return Encoding::kVop2;
    }
    if (word >> 30 == 2) {
        switch (word >> 23) {
            case 0x17d:
                return Encoding::kSop1;
            case 0x17e:
                return Encoding::kSopc;
            case 0x17f:
                return Encoding::kSopp;
            default:
                return word >> 28 == 0xb ? Encoding::kSopk : Encoding::kSop2;
        }
    }
    switch (word >> 26) {
        case 0x30:
            return Encoding::kSmem;
        case 0x31:
            return Encoding::kExp;
        case 0x34:
            return word >> 23 == 0x1a7 ? Encoding::kVop3p : Encoding::kVop3;
        case 0x35:
            return Encoding::kVintrp;
        case 0x36:
            return Encoding::kDs;
        case 0x37:
            return Encoding::kFlat;
        case 0x38:
            return Encoding::kMubuf;
        case 0x3a:
            return Encoding::kMtbuf;
        case 0x3c:
            return Encoding::kMimg;
        default:
            return Encoding::kUnknown;
    }
}

void set_scalar(Instruction& in, const ScalarOp* op) {
    if (!op) return;
    in.handler = op->handler;
    in.name = op->name;
}

void decode_sop2(Instruction& in) {
    const uint32_t w = in.words[0];
    in.opcode = field(w, 23, 7);
    in.dst = field(w, 16, 7);
    const ScalarOp* op = opcode_tables().sop2[in.opcode & 63];
    set_scalar(in, op);
    if (!op) return;
    in.src[0] = scalar_operand(in, bits(w, 0, 8), op->src[0]);
    in.src[1] = scalar_operand(in, bits(w, 8, 8), op->src[1]);
}

void decode_sopc(Instruction& in) {
    const uint32_t w = in.words[0];
    in.opcode = field(w, 16, 7);
    const ScalarOp* op = opcode_tables().sopc[in.opcode];
    set_scalar(in, op);
    if (!op) return;
    in.src[0] = scalar_operand(in, bits(w, 0, 8), op->src[0]);
    if (op->src[1] != Type::kNone) in.src[1] = scalar_operand(in, bits(w, 8, 8), op->src[1]);
}

void decode_sop1(Instruction& in) {
    const uint32_t w = in.words[0];
    in.opcode = field(w, 8, 8);
    in.dst = field(w, 16, 7);
    const ScalarOp* op = opcode_tables().sop1[in.opcode];
    set_scalar(in, op);
    if (op && op->src[0] != Type::kNone) in.src[0] = scalar_operand(in, bits(w, 0, 8), op->src[0]);
}

constexpr uint16_t kSetregImm32 = 0x14;

void decode_sopk(Instruction& in) {
    const uint32_t w = in.words[0];
    in.opcode = field(w, 23, 5);
    in.dst = field(w, 16, 7);
    in.imm = static_cast<int16_t>(w & 0xffff);
    set_scalar(in, opcode_tables().sopk[in.opcode]);
    // Lambdas of this encoding read the destination and the immediate.
    in.src[0] = {Operand::Kind::kSgpr, in.dst, 0};
    in.src[1] = {Operand::Kind::kConstant, 0, static_cast<uint64_t>(int64_t{in.imm})};
    if (in.opcode == kSetregImm32) {
        in.size = 8;
        in.literal = in.words[1];
    }
}

void decode_sopp(Instruction& in) {
    const uint32_t w = in.words[0];
    in.opcode = field(w, 16, 7);
    in.imm = static_cast<int16_t>(w & 0xffff);
    set_scalar(in, opcode_tables().sopp[in.opcode]);
}

}  // namespace

bool has_second_word(uint32_t word) {
    switch (encoding_of(word)) {
        case Encoding::kSop1:
            return bits(word, 0, 8) == code::kLiteral;
        case Encoding::kSop2:
        case Encoding::kSopc:
            return bits(word, 0, 8) == code::kLiteral || bits(word, 8, 8) == code::kLiteral;
        case Encoding::kSopk:
            return bits(word, 23, 5) == kSetregImm32;
        case Encoding::kSopp:
        case Encoding::kVintrp:
        case Encoding::kUnknown:
            return false;
        case Encoding::kVop1:
        case Encoding::kVopc:
        case Encoding::kVop2:
            return valu_has_second_word(word);
        default:
            return true;
    }
}

Instruction decode(const uint32_t words[2], unsigned vgpr_count) {
    Instruction in;
    in.encoding = encoding_of(words[0]);
    in.words[0] = words[0];
    in.size = 4;
    if (has_second_word(words[0])) {
        in.size = 8;
        in.words[1] = words[1];
        in.literal = words[1];
    }
    switch (in.encoding) {
        case Encoding::kSop1:
            decode_sop1(in);
            break;
        case Encoding::kSop2:
            decode_sop2(in);
            break;
        case Encoding::kSopk:
            decode_sopk(in);
            break;
        case Encoding::kSopc:
            decode_sopc(in);
            break;
        case Encoding::kSopp:
            decode_sopp(in);
            break;
        case Encoding::kVop1:
        case Encoding::kVop2:
        case Encoding::kVopc:
        case Encoding::kVop3:
        case Encoding::kVop3p:
            decode_valu(in, vgpr_count);
            break;
        case Encoding::kExp:
        case Encoding::kVintrp:
        case Encoding::kMimg:
            decode_graphics(in, vgpr_count);
            break;
        default:
            decode_memory(in, vgpr_count);
            break;
    }
    if (!in.handler) in.handler = handle_unknown;
    return in;
}

}  // namespace simgpu::gfx9
