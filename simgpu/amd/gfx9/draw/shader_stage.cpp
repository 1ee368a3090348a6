#include "simgpu/amd/gfx9/draw/shader_stage.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

// SPI_SHADER_PGM_LO_PS and _VS; the other registers of a stage follow at the same distances.
constexpr uint32_t kPixelProgram = 0xb020, kVertexProgram = 0xb120;
constexpr uint32_t kProgramHigh = 4, kResource1 = 8, kResource2 = 12, kUserData = 16;

}  // namespace

ShaderStage ShaderStage::read(Kind kind, const RegisterReader& registers) {
    const uint32_t first = kind == Kind::kPixel ? kPixelProgram : kVertexProgram;
    ShaderStage stage;
    stage.program_va = (uint64_t{registers(first + kProgramHigh) & 0xff} << 32 | registers(first))
                       << 8;
    stage.rsrc1 = registers(first + kResource1);
    stage.rsrc2 = registers(first + kResource2);
    // USER_SGPR and its sixth bit, USER_SGPR_MSB.
    stage.user_sgprs = std::min(bits(stage.rsrc2, 1, 5) | bits(stage.rsrc2, 28, 1) << 5, 32u);
    for (uint32_t i = 0; i < stage.user_sgprs; i++)
        stage.user_data[i] = registers(first + kUserData + 4 * i);
    return stage;
}

unsigned ShaderStage::vgprs() const {
    return std::min((bits(rsrc1, 0, 6) + 1) * 4, kVgprs);
}

unsigned ShaderStage::start(Wave& wave) const {
    wave.reset(vgprs());
    wave.pc = program_va;
    wave.mode_bits = bits(rsrc1, 12, 8) | bits(rsrc1, 21, 1) << 8 | bits(rsrc1, 23, 1) << 9;
    for (unsigned i = 0; i < user_sgprs; i++) wave.s[i] = user_data[i];
    return user_sgprs;
}

void ShaderStage::set_scratch(Wave& wave, unsigned sgpr) const {
    // Waves run one after the other, so all of them may have the first slot.
    if (bit_of(rsrc2, 0)) wave.s[sgpr] = 0;
}

}  // namespace simgpu::gfx9::draw
