#include "simgpu/amd/gfx9/decode/decode_memory.h"

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/decode/opcode_tables.h"
#include "simgpu/amd/gfx9/decode/operand.h"

namespace simgpu::gfx9 {

namespace {

int32_t sign_extend(uint32_t value, unsigned width) {
    return static_cast<int32_t>(value << (32 - width)) >> (32 - width);
}

void decode_smem(Instruction& in) {
    const uint32_t w0 = in.words[0], w1 = in.words[1];
    in.opcode = field(w0, 18, 8);
    in.saddr = static_cast<uint16_t>(bits(w0, 0, 6) * 2);
    in.dst = field(w0, 6, 7);
    in.returns = bits(w0, 16, 1);
    in.imm = sign_extend(bits(w1, 0, 21), 21);
    const SmemOp* op = opcode_tables().smem[in.opcode];
    if (!op) return;
    in.handler = op->handler;
    in.name = op->name;
}

void decode_ds(Instruction& in, unsigned vgprs) {
    const uint32_t w0 = in.words[0], w1 = in.words[1];
    in.opcode = field(w0, 17, 8);
    in.imm = static_cast<int32_t>(bits(w0, 0, 16));
    const DsOp* op = opcode_tables().ds[in.opcode];
    const bool gds = bits(w0, 16, 1);
    if (!op || gds) return;
    in.handler = op->handler;
    in.name = op->name;
    in.vector = true;
    in.vaddr = source_vgpr(bits(w1, 0, 8), 1, vgprs);
    in.vdata = source_vgpr(bits(w1, 8, 8), op->data, vgprs);
    in.vdata2 = source_vgpr(bits(w1, 16, 8), op->data, vgprs);
    in.dst = destination_vgpr(bits(w1, 24, 8), op->dst, vgprs);
}

// How many registers an access reads its data from.
unsigned data_registers(const VmemOp& op) {
    return op.kind == VmemOp::Kind::kCompareSwap ? 2u * op.dwords : op.dwords;
}

void decode_flat(Instruction& in, unsigned vgprs) {
    const uint32_t w0 = in.words[0], w1 = in.words[1];
    in.opcode = field(w0, 18, 7);
    const VmemOp* op = opcode_tables().vmem[in.opcode];
    const bool to_lds = bits(w0, 13, 1);
    const uint32_t segment = bits(w0, 14, 2);
    constexpr Handler kHandlers[] = {execute_flat, execute_scratch, execute_global, nullptr};
    const bool atomic = op && op->kind >= VmemOp::Kind::kAtomic;
    if (!op || to_lds || !kHandlers[segment] || (segment == 1 && atomic)) return;
    in.handler = kHandlers[segment];
    in.vmem = op;
    in.name = op->name;
    in.vector = true;
    in.returns = bits(w0, 16, 1);
    // 12 bits unsigned for FLAT, 13 signed for the others.
    in.imm =
        segment == 0 ? static_cast<int32_t>(bits(w0, 0, 12)) : sign_extend(bits(w0, 0, 13), 13);
    in.saddr = field(w1, 16, 7);
    const bool wide_address = segment == 0 || (segment == 2 && in.saddr == 0x7f);
    in.vaddr = source_vgpr(bits(w1, 0, 8), wide_address ? 2 : 1, vgprs);
    in.vdata = source_vgpr(bits(w1, 8, 8), data_registers(*op), vgprs);
    in.dst = destination_vgpr(bits(w1, 24, 8), op->dwords, vgprs);
}

// Fields that MUBUF and MTBUF share; VADDR, VDATA of `registers`, SRSRC, SOFFSET.
void decode_buffer_fields(Instruction& in, unsigned data, unsigned result, unsigned vgprs) {
    const uint32_t w0 = in.words[0], w1 = in.words[1];
    in.vector = true;
    in.imm = static_cast<int32_t>(bits(w0, 0, 12));
    in.returns = bits(w0, 14, 1);
    const bool index_and_offset = bits(w0, 12, 2) == 3;
    in.vaddr = source_vgpr(bits(w1, 0, 8), index_and_offset ? 2 : 1, vgprs);
    in.vdata = source_vgpr(bits(w1, 8, 8), data, vgprs);
    in.dst = destination_vgpr(bits(w1, 8, 8), result, vgprs);
    in.saddr = static_cast<uint16_t>(bits(w1, 16, 5) * 4);
    in.src[0] = scalar_operand(in, bits(w1, 24, 8), Type::kB32);
}

unsigned format_registers(uint32_t opcode) {
    if (opcode >= 0x26) return 1;
    const unsigned components = (opcode & 3) + 1;
    return opcode & 8 ? (components + 1) / 2 : components;
}

bool texture_fail(const Instruction& in) {
    return in.words[1] >> 23 & 1;
}

void decode_mubuf(Instruction& in, unsigned vgprs) {
    in.opcode = field(in.words[0], 18, 7);
    const bool to_lds = bits(in.words[0], 16, 1);
    constexpr uint16_t kWritebackInvalidate = 0x3e, kWritebackInvalidateVolatile = 0x3f;
    if (in.opcode == kWritebackInvalidate || in.opcode == kWritebackInvalidateVolatile) {
        in.handler = nothing;
        in.name = "buffer_wbinvl1";
        return;
    }
    if (to_lds || texture_fail(in)) return;
    if (in.opcode < 0x10 || in.opcode == 0x26 || in.opcode == 0x27) {
        const unsigned registers = format_registers(in.opcode);
        decode_buffer_fields(in, registers, registers, vgprs);
        in.handler = execute_mubuf_format;
        in.name = "buffer_format";
        return;
    }
    const VmemOp* op = opcode_tables().vmem[in.opcode];
    if (!op) return;
    decode_buffer_fields(in, data_registers(*op), op->dwords, vgprs);
    in.vmem = op;
    in.name = op->name;
    in.handler = execute_mubuf;
}

void decode_mtbuf(Instruction& in, unsigned vgprs) {
    in.opcode = field(in.words[0], 15, 4);
    if (texture_fail(in)) return;
    const unsigned registers = format_registers(in.opcode);
    decode_buffer_fields(in, registers, registers, vgprs);
    in.handler = execute_mtbuf;
    in.name = "tbuffer_format";
}

}  // namespace

void decode_memory(Instruction& in, unsigned vgpr_count) {
    switch (in.encoding) {
        case Encoding::kSmem:
            decode_smem(in);
            break;
        case Encoding::kDs:
            decode_ds(in, vgpr_count);
            break;
        case Encoding::kFlat:
            decode_flat(in, vgpr_count);
            break;
        case Encoding::kMubuf:
            decode_mubuf(in, vgpr_count);
            break;
        case Encoding::kMtbuf:
            decode_mtbuf(in, vgpr_count);
            break;
        default:
            break;
    }
}

}  // namespace simgpu::gfx9
