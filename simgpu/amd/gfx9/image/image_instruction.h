// MIMG: image instructions.
#pragma once

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// Registers that hold the data or the result of an image instruction; 0 if it is unknown.
unsigned image_data_registers(const Instruction& in);

/// `in.vaddr` is the first address register, `in.vdata` and `in.dst` the first of the data.
void execute_image(Wave& wave, const Instruction& in);

}  // namespace simgpu::gfx9
