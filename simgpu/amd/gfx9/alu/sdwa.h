// Sub-dword addressing: byte and word selection of SDWA operands and results.
#pragma once

#include <cstdint>

#include "simgpu/amd/gfx9/wave/instruction.h"

namespace simgpu::gfx9 {

/// Replaces each of 64 dwords by the selected part of it.
void select_lanes(uint32_t* lanes, Select select, bool sign_extend);

/// Moves each of 64 results into the selected part; `unused` says what the rest becomes.
void place_selected(uint32_t* results, const uint32_t* old, Select select, Unused unused);

}  // namespace simgpu::gfx9
