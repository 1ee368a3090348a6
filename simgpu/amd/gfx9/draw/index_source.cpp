#include "simgpu/amd/gfx9/draw/index_source.h"

#include "simgpu/amd/gfx9/bits.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr uint32_t kResetEnable = 0x3092c;  // VGT_MULTI_PRIM_IB_RESET_EN
constexpr uint32_t kResetIndex = 0x2840c;   // VGT_MULTI_PRIM_IB_RESET_INDX

uint32_t mask_of(unsigned bytes) {
    return bytes >= 4 ? ~0u : (1u << (8 * bytes)) - 1;
}

}  // namespace

IndexSource::IndexSource(const Draw& draw, ShaderMemory& memory) : draw_(draw), memory_(memory) {
    const uint32_t enable = draw.registers(kResetEnable);
    restart_ = draw.index_bytes != 0 && bit_of(enable, 0);
    restart_index_ = draw.registers(kResetIndex);
    // Without MATCH_ALL_BITS only as many bits count as an index has.
    if (!bit_of(enable, 1)) restart_index_ &= mask_of(draw.index_bytes);
}

bool IndexSource::read(uint32_t position, uint32_t& index) {
    index = position;
    if (draw_.index_bytes == 0) return true;
    index = 0;
    if (position >= draw_.indices_available) return true;
    return memory_.read(draw_.index_va + uint64_t{position} * draw_.index_bytes, &index,
                        draw_.index_bytes);
}

}  // namespace simgpu::gfx9::draw
