// Operand fields to operands.
#pragma once

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// Rows behind the last register take what is written out of the allocation.
inline constexpr uint16_t kTrashVgpr = 256;

/// The 8-bit scalar source field, read as `type`.
Operand scalar_operand(const Instruction& in, uint32_t field, Type type);

/// The 9-bit source field of vector instructions: scalars, constants, VGPRs from 256.
Operand vector_operand(const Instruction& in, uint32_t field, Type type, unsigned vgpr_count);

/// VGPR numbers with the allocation applied: `count` registers from `index`.
uint16_t source_vgpr(unsigned index, unsigned count, unsigned vgpr_count);
uint16_t destination_vgpr(unsigned index, unsigned count, unsigned vgpr_count);

}  // namespace simgpu::gfx9
