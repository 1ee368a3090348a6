// AMD's rows in the table of chips.
#pragma once

#include <span>

#include "simgpu/chip.h"

namespace simgpu::amdgpu {

std::span<const Chip> chips();

}  // namespace simgpu::amdgpu
