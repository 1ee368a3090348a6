// Decoding of the encodings that graphics shaders use: EXP, VINTRP, MIMG.
#pragma once

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// Leaves `in.handler` null if the instruction is unknown.
void decode_graphics(Instruction& in, unsigned vgpr_count);

}  // namespace simgpu::gfx9
