#include "simgpu/amd/gfx9/draw/shader_stage.h"

#include <algorithm>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/registers.h"

namespace simgpu::gfx9::draw {

namespace {

/// Byte addresses of a stage's registers (GFX9 register headers); the upper half of an address
/// follows the lower one, RSRC2 follows RSRC1.
struct StageRegisters {
    uint32_t program, resources, user_data;
    uint32_t user_data_address;  // 0: has none
};

// A merged shader has some registers of its first half.
StageRegisters registers_of(ShaderStage::Kind kind) {
    switch (kind) {
        case ShaderStage::Kind::kPixel:
            return {0xb020, 0xb028, 0xb030, 0};
        case ShaderStage::Kind::kVertex:
            return {0xb120, 0xb128, 0xb130, 0};
        case ShaderStage::Kind::kGeometry:
            return {0xb210, 0xb228, 0xb330, 0xb208};
        case ShaderStage::Kind::kHull:
            return {0xb410, 0xb428, 0xb430, 0xb408};
    }
    return {};
}

}  // namespace

ShaderStage ShaderStage::read(Kind kind, const RegisterReader& registers) {
    const StageRegisters at = registers_of(kind);
    ShaderStage stage;
    stage.program_va = base_address(registers, at.program);
    stage.rsrc1 = registers(at.resources);
    stage.rsrc2 = registers(at.resources + 4);
    // USER_SGPR and its sixth bit, USER_SGPR_MSB.
    stage.user_sgprs = std::min(bits(stage.rsrc2, 1, 5) | bits(stage.rsrc2, 28, 1) << 5, 32u);
    for (uint32_t i = 0; i < stage.user_sgprs; i++)
        stage.user_data[i] = registers(at.user_data + 4 * i);
    stage.merged_ = at.user_data_address != 0;
    if (stage.merged_)
        stage.user_data_va =
            uint64_t{registers(at.user_data_address + 4)} << 32 | registers(at.user_data_address);
    return stage;
}

unsigned ShaderStage::vgprs() const {
    return std::min((bits(rsrc1, 0, 6) + 1) * 4, kVgprs);
}

unsigned ShaderStage::start(Wave& wave) const {
    wave.reset(vgprs());
    wave.pc = program_va;
    wave.mode_bits = bits(rsrc1, 12, 8) | bits(rsrc1, 21, 1) << 8 | bits(rsrc1, 23, 1) << 9;
    const unsigned first = merged_ ? kSystemSgprs : 0;
    if (merged_) wave.set_s64(0, user_data_va);
    for (unsigned i = 0; i < user_sgprs; i++) wave.s[first + i] = user_data[i];
    return first + user_sgprs;
}

void ShaderStage::set_scratch(Wave& wave, unsigned sgpr, uint32_t bytes) const {
    // Waves that run one after the other may all have the first slot.
    if (bit_of(rsrc2, 0)) wave.s[sgpr] = bytes;
}

}  // namespace simgpu::gfx9::draw
