// A shader's code in memory, as text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simgpu/engine/gpu_memory.h"

namespace simgpu::gfx9 {

struct ShaderListing {
    uint64_t hash = 0;  // of the code's words
    std::vector<std::string> lines;
};

/// The instructions from `va` up to the last S_ENDPGM that is reached by going on or by a branch
/// ahead. Ends where memory does, and after 4096 instructions.
ShaderListing list_shader(GpuMemory& memory, uint64_t va);

}  // namespace simgpu::gfx9
