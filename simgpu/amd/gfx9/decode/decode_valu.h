// Decoding of the vector ALU encodings.
#pragma once

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

void decode_valu(Instruction& in, unsigned vgpr_count);

/// Whether a VOP1, VOP2 or VOPC word is followed by a literal, SDWA or DPP word.
bool valu_has_second_word(uint32_t word);

/// The instruction with its VGPR numbers moved by M0, as the GPR index mode asks
/// (S_SET_GPR_IDX_ON); used while that mode is on.
Instruction with_gpr_index(const Instruction& in, uint32_t m0, unsigned vgpr_count);

}  // namespace simgpu::gfx9
