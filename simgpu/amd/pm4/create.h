// Makes PM4 packet processors.
#pragma once

#include <cstdint>
#include <memory>

#include "simgpu/engine/engine.h"

namespace simgpu {

struct Pm4Options {
    /// Render backends that INFO reports as enabled: each writes its own result where an
    /// occlusion query ends, and drivers size their buffers by that number.
    uint32_t render_backends = 2;
    /// GB_ADDR_CONFIG, as INFO gives it: where the pixels of tiled surfaces lie.
    uint32_t gb_addr_config = 0;
    /// Metadata is interleaved as on Vega 12, Raven Ridge's successors and later chips.
    bool metadata_alias_fix = false;
    /// Vertex shaders ahead of tessellation find their registers moved (gfx9/draw/draw.h).
    bool moves_vertex_registers = false;
};

std::unique_ptr<Engine> create_pm4_engine(const Pm4Options& options = {});

}  // namespace simgpu
