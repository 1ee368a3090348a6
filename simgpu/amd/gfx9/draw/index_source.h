// The vertex numbers of a draw, one after the other.
#pragma once

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"

namespace simgpu::gfx9::draw {

class IndexSource {
  public:
    IndexSource(const Draw& draw, ShaderMemory& memory);

    /// The number at `position`. False on a fault, which `memory` has.
    bool read(uint32_t position, uint32_t& index);
    /// Whether `index` ends a strip rather than naming a vertex.
    bool restarts(uint32_t index) const { return restart_ && index == restart_index_; }

  private:
    const Draw& draw_;
    ShaderMemory& memory_;
    bool restart_ = false;
    uint32_t restart_index_ = 0;
};

}  // namespace simgpu::gfx9::draw
