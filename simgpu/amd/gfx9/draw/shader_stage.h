// A graphics shader as SPI_SHADER_PGM_* sets it up.
#pragma once

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9::draw {

struct ShaderStage {
    /// kGeometry is an ES and a GS in one, kHull an LS and an HS.
    enum class Kind : uint8_t { kPixel, kVertex, kGeometry, kHull };

    /// Scalar registers ahead of a merged shader's user data.
    static constexpr unsigned kSystemSgprs = 8;

    uint64_t program_va = 0;
    uint64_t user_data_va = 0;  // SPI_SHADER_USER_DATA_ADDR_*: of merged shaders only
    uint32_t rsrc1 = 0;
    uint32_t rsrc2 = 0;
    uint32_t user_sgprs = 0;
    uint32_t user_data[32] = {};

    static ShaderStage read(Kind kind, const RegisterReader& registers);

    unsigned vgprs() const;
    // Fields of a vertex shader.
    /// VGPR_COMP_CNT: initial VGPRs, less one.
    unsigned vertex_components() const { return rsrc1 >> 24 & 3; }
    bool reads_off_chip() const { return rsrc2 >> 7 & 1; }
    bool streams_out_to(unsigned buffer) const { return rsrc2 >> (8 + buffer) & 1; }
    bool streams_out() const { return rsrc2 >> 12 & 1; }

    /// Readies `wave` and returns the number of SGPRs up to the end of the user data.
    unsigned start(Wave& wave) const;
    /// The scratch offset follows all other SGPRs, if there is scratch.
    void set_scratch(Wave& wave, unsigned sgpr, uint32_t bytes = 0) const;

  private:
    bool merged_ = false;
};

}  // namespace simgpu::gfx9::draw
