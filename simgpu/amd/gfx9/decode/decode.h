// Instruction words to decoded instructions.
#pragma once

#include <cstdint>

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// Decodes the instruction that starts with `words[0]`; `words[1]` may be anything if the
/// instruction is one dword long. Never fails: what is not known gets a handler that says so.
/// Registers at `vgpr_count` or above are out of the wave's allocation: they read VGPR 0 and
/// writes to them go nowhere (Vega ISA, "Out-of-range behavior").
Instruction decode(const uint32_t words[2], unsigned vgpr_count);

/// Whether the instruction that starts with `word` has a second dword.
bool has_second_word(uint32_t word);

}  // namespace simgpu::gfx9
