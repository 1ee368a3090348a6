// The table of a chip's configuration, which its GuC firmware has and both kernel drivers hand on.
#pragma once

#include <cstdint>
#include <vector>

#include "simgpu/intel/chip_info.h"

namespace simgpu::intel {

/// Triples of key, length in dwords and value (Linux: intel_guc_hwconfig.c, xe_guc_hwconfig.c;
/// keys: Mesa's intel_hwconfig_types.h). Empty for chips whose firmware has none: before 12.5.
std::vector<uint32_t> hwconfig(const ChipInfo& chip);

}  // namespace simgpu::intel
