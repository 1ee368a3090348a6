// Decoded instructions as text, for traces.
#pragma once

#include <string>

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// "v_add_f32 v1, s2, v3": the name, the destination and the sources. Of several registers the
/// first one is named. An unknown instruction is shown by its words.
std::string disassemble(const Instruction& in);

}  // namespace simgpu::gfx9
