// The front of the pipe: the vertices of a draw's instances, in order, to the assembler.
#pragma once

#include "simgpu/amd/gfx9/draw/assembler.h"
#include "simgpu/amd/gfx9/draw/draw_tools.h"
#include "simgpu/amd/gfx9/draw/index_source.h"

namespace simgpu::gfx9::draw {

class InputFeed {
  public:
    explicit InputFeed(DrawTools& tools);

    /// False: the job has ended.
    bool run(Assembler& assembler);

  private:
    bool run_instance(uint32_t instance, Assembler& assembler);

    DrawTools& tools_;
    uint32_t step_rate_;   // VGT_INSTANCE_STEP_RATE_0
    uint64_t program_va_;  // names a draw that takes too long
    IndexSource indices_;
};

}  // namespace simgpu::gfx9::draw
