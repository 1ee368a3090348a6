// The memory lines of fdinfo (Linux: amdgpu_bo_get_memory(), amdgpu_show_fdinfo()).
#pragma once

#include <string>

#include "simgpu/amd/kernel/memory.h"
#include "simgpu/drm/handle_table.h"

namespace simgpu::amdgpu {

/// "drm-memory-vram:\t12 KiB\n...": where the file's buffers and page tables are, and what they
/// asked for.
std::string memory_lines(drm::BufferTable& buffers, AddressSpace& space);

}  // namespace simgpu::amdgpu
