// The table of simulated chips.
#pragma once

#include <span>

#include "simgpu/chip.h"

namespace simgpu {

/// All chips, the default one first. A new family is a folder and a line in chips.cpp, and nothing
/// else: files, nodes and sysfs come from the rows. (A program that defines this function itself
/// links with families of its own: tests/unit/simgpu/stub.)
std::span<const Chip> chips();

}  // namespace simgpu
