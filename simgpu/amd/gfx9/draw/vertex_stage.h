// Vertex shading: vertex numbers in, shaded vertices out, up to a wave at a time.
#pragma once

#include <array>
#include <memory>

#include "simgpu/amd/gfx9/draw/assembler.h"
#include "simgpu/amd/gfx9/draw/index_source.h"
#include "simgpu/amd/gfx9/draw/pixel_stage.h"
#include "simgpu/amd/gfx9/draw/raster_state.h"
#include "simgpu/amd/gfx9/draw/shader_stage.h"

namespace simgpu::gfx9::draw {

class VertexStage {
  public:
    VertexStage(DrawTools& tools, const RasterState& raster);

    /// A sentence about what is asked for and not simulated; else empty.
    std::string problem() const;
    /// Shades all vertices of `instance` and adds them to `assembler`, in order. False: the job
    /// has ended.
    bool run(uint32_t instance, Assembler& assembler);

  private:
    /// The vertices of one wave, and where strips end between them.
    struct Batch {
        std::array<uint32_t, kLanes> index{};
        std::array<bool, kLanes> restart_before{};
        unsigned count = 0;
    };

    bool shade(const Batch& batch, uint32_t instance);
    bool hand_over(const Batch& batch, Assembler& assembler);
    Vertex vertex(unsigned lane) const;
    bool index_fault();

    DrawTools& tools_;
    const RasterState& raster_;
    ShaderStage shader_;
    uint32_t step_rate_;  // VGT_INSTANCE_STEP_RATE_0
    unsigned parameters_;
    std::unique_ptr<Program> program_;
    IndexSource indices_;
};

}  // namespace simgpu::gfx9::draw
