// i915's rows in the table of chips.
#pragma once

#include <span>

#include "simgpu/chip.h"

namespace simgpu::intel::i915 {

std::span<const Chip> chips();

}  // namespace simgpu::intel::i915
