// The product name of an AMD GPU.
#pragma once

#include <cstdint>
#include <string>

namespace viaduct::amdgpu {

/// From libdrm's table (package libdrm-common, amdgpu.ids); a general name if that does not know
/// it.
std::string marketing_name(uint32_t pci_device, uint32_t pci_revision);

}  // namespace viaduct::amdgpu
