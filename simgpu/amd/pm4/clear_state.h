// The values of context registers after CLEAR_STATE.
#pragma once

#include "simgpu/amd/pm4/registers.h"

namespace simgpu::pm4 {

/// Sets all context registers to what the kernel has the hardware start with: mostly 0.
void load_clear_state(Registers& registers);

}  // namespace simgpu::pm4
