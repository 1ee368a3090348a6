// A graphics shader as SPI_SHADER_PGM_* sets it up.
#pragma once

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9::draw {

struct ShaderStage {
    enum class Kind : uint8_t { kVertex, kPixel };

    uint64_t program_va = 0;
    uint32_t rsrc1 = 0;
    uint32_t rsrc2 = 0;
    uint32_t user_sgprs = 0;
    uint32_t user_data[32] = {};

    static ShaderStage read(Kind kind, const RegisterReader& registers);

    unsigned vgprs() const;
    /// VGPR_COMP_CNT of a vertex shader.
    unsigned vertex_components() const { return rsrc1 >> 24 & 3; }
    bool streams_out() const { return rsrc2 >> 12 & 1; }
    /// Readies `wave` and returns the number of SGPRs that hold user data.
    unsigned start(Wave& wave) const;
    /// The scratch offset follows all other SGPRs, if there is scratch.
    void set_scratch(Wave& wave, unsigned sgpr) const;
};

}  // namespace simgpu::gfx9::draw
