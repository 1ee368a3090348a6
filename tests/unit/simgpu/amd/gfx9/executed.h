// Which rows of the instruction tables the cases of this program have executed.
#pragma once

#include <set>
#include <string>

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9::test {

/// "VOP2 0x19 v_add_co_u32", or the same and " clamp" for the kernel of saturating arithmetic.
/// The other encodings of an instruction count as one: VOP3 forms, SDWA, DPP, address spaces.
/// Empty for an instruction that is not known.
std::string row_label(const Instruction& in);

/// The labels of all rows.
const std::set<std::string>& all_rows();

/// Called by WaveBench for each instruction of a case. Programs that run as a whole, and noise,
/// do not count: nothing says which of their instructions made the result.
void note_executed(const Instruction& in);
const std::set<std::string>& executed_rows();

}  // namespace simgpu::gfx9::test
