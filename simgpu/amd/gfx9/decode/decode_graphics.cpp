#include "simgpu/amd/gfx9/decode/decode_graphics.h"

#include "simgpu/amd/gfx9/alu/graphics_ops.h"
#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/decode/operand.h"
#include "simgpu/amd/gfx9/image/image_instruction.h"

namespace simgpu::gfx9 {

namespace {

void decode_export(Instruction& in) {
    in.handler = execute_export;
    in.name = "exp";
    in.vector = true;
}

void decode_interpolation(Instruction& in, unsigned vgprs) {
    in.opcode = static_cast<uint16_t>(bits(in.words[0], 16, 2));
    if (in.opcode > 2) return;
    constexpr const char* kNames[] = {"v_interp_p1_f32", "v_interp_p2_f32", "v_interp_mov_f32"};
    in.handler = execute_interpolation;
    in.name = kNames[in.opcode];
    in.vector = true;
    in.fp = FpClass::kSingle;
    in.vaddr = source_vgpr(bits(in.words[0], 0, 8), 1, vgprs);
    in.dst = destination_vgpr(bits(in.words[0], 18, 8), 1, vgprs);
}

void decode_image(Instruction& in, unsigned vgprs) {
    in.opcode = static_cast<uint16_t>(bits(in.words[0], 18, 7));
    const unsigned data = image_data_registers(in);
    if (data == 0) return;
    in.handler = execute_image;
    in.name = "image";
    in.vector = true;
    in.fp = FpClass::kSingle;
    in.vaddr = source_vgpr(bits(in.words[1], 0, 8), 1, vgprs);
    in.vdata = source_vgpr(bits(in.words[1], 8, 8), data, vgprs);
    in.dst = destination_vgpr(bits(in.words[1], 8, 8), data, vgprs);
}

}  // namespace

void decode_graphics(Instruction& in, unsigned vgpr_count) {
    switch (in.encoding) {
        case Encoding::kExp:
            return decode_export(in);
        case Encoding::kVintrp:
            return decode_interpolation(in, vgpr_count);
        default:
            return decode_image(in, vgpr_count);
    }
}

}  // namespace simgpu::gfx9
