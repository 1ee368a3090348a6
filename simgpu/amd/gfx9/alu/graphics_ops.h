// Instructions of graphics shaders only: exports, interpolation, emitted vertices.
#pragma once

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// EXP.
void execute_export(Wave& wave, const Instruction& in);
/// S_SENDMSG of a geometry shader.
void execute_geometry_message(Wave& wave, const Instruction& in);
/// VINTRP: V_INTERP_P1_F32, V_INTERP_P2_F32, V_INTERP_MOV_F32.
void execute_interpolation(Wave& wave, const Instruction& in);

}  // namespace simgpu::gfx9
