// From instruction words to decoded instructions.
#pragma once

#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/eu/isa/instruction.h"
#include "simgpu/intel/eu/isa/words.h"

namespace simgpu::intel::eu {

/// Decodes a 128-bit instruction; `size` is what it takes in memory, 8 if it was compacted. If it
/// cannot run, `problem` says why, and the handler reports that.
Instruction decode(const Words& words, uint8_t size, Generation generation);

}  // namespace simgpu::intel::eu
