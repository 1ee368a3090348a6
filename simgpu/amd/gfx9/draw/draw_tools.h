// The objects that the stages of a draw share.
#pragma once

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/draw/geometry.h"
#include "simgpu/amd/gfx9/exec/wave_loop.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/wave/graphics_wave.h"

namespace simgpu::gfx9::draw {

struct DrawTools {
    const Draw& draw;
    ShaderMemory& memory;
    WaveLoop& loop;
    PipelineCounters& counters;
    JobOutcome& outcome;
    Wave& wave;
    GraphicsWave& graphics;
    std::array<Vertex, kLanes>& vertices;  // of the VS stage's wave
};

/// Ends the job for a fault that fixed-function hardware met, which `memory` has. Returns false.
bool end_with_fault(DrawTools& tools, const char* what);
/// Ends the job with kBadShader and `problem`. Returns false.
bool end_with_problem(DrawTools& tools, const std::string& problem);

}  // namespace simgpu::gfx9::draw
