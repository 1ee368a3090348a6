// Intel's rows in the table of chips, on a kernel that drives them with xe.
#pragma once

#include <span>

#include "simgpu/chip.h"

namespace simgpu::intel::xe {

std::span<const Chip> chips();

}  // namespace simgpu::intel::xe
