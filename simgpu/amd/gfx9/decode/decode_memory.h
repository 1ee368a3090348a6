// Decoding of the memory encodings: SMEM, DS, MUBUF, MTBUF, FLAT.
#pragma once

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

void decode_memory(Instruction& in, unsigned vgpr_count);

}  // namespace simgpu::gfx9
