#include "simgpu/amd/pm4/clear_state.h"

namespace simgpu::pm4 {

namespace {

/// `count` registers, each `stride` bytes after the one before.
struct ClearValue {
    uint32_t byte_address;
    uint32_t value;
    uint32_t count = 1;
    uint32_t stride = 4;
};

constexpr uint32_t kWholeScreen = 0x40004000;     // 16384 x 16384, as a lower right corner
constexpr uint32_t kNoWindowOffset = 0x80000000;  // WINDOW_OFFSET_DISABLE, at 0, 0
constexpr uint32_t kOne = 0x3f800000;             // 1.0

// The registers that are not 0 (Linux: clearstate_gfx9.h).
constexpr ClearValue kValues[] = {
    {0x28034, kWholeScreen},            // PA_SC_SCREEN_SCISSOR_BR
    {0x28204, kNoWindowOffset},         // PA_SC_WINDOW_SCISSOR_TL
    {0x28208, kWholeScreen},            // PA_SC_WINDOW_SCISSOR_BR
    {0x2820c, 0xffff},                  // PA_SC_CLIPRECT_RULE
    {0x28214, kWholeScreen, 4, 8},      // PA_SC_CLIPRECT_0_BR to _3_BR
    {0x28230, 0xaa99aaaa},              // PA_SC_EDGERULE
    {0x28238, 0xffffffff, 2},           // CB_TARGET_MASK, CB_SHADER_MASK
    {0x28240, kNoWindowOffset},         // PA_SC_GENERIC_SCISSOR_TL
    {0x28244, kWholeScreen},            // PA_SC_GENERIC_SCISSOR_BR
    {0x28250, kNoWindowOffset, 16, 8},  // PA_SC_VPORT_SCISSOR_0_TL to _15_TL
    {0x28254, kWholeScreen, 16, 8},     // PA_SC_VPORT_SCISSOR_0_BR to _15_BR
    {0x282d4, kOne, 16, 8},             // PA_SC_VPORT_ZMAX_0 to _15
    {0x28430, 0x01000000, 2},           // DB_STENCILREFMASK, DB_STENCILREFMASK_BF
    {0x286d8, 2},                       // SPI_PS_IN_CONTROL
    {0x28810, 0x00090000},              // PA_CL_CLIP_CNTL
    {0x28814, 4},                       // PA_SU_SC_MODE_CNTL
    {0x28a54, 0x100},                   // VGT_GS_PER_ES
    {0x28a58, 0x80},                    // VGT_ES_PER_GS
    {0x28a5c, 2},                       // VGT_GS_PER_VS
    {0x28bdc, 0x1000},                  // PA_SC_LINE_CNTL
    {0x28be4, 5},                       // PA_SU_VTX_CNTL
    {0x28be8, kOne, 4},                 // PA_CL_GB_VERT_CLIP_ADJ to _HORZ_DISC_ADJ
    {0x28c38, 0xffffffff, 2},           // PA_SC_AA_MASK_X0Y0_X1Y0, _X0Y1_X1Y1
    {0x28c44, 3},                       // PA_SC_BINNER_CNTL_0
    {0x28c58, 0x1e},                    // VGT_VERTEX_REUSE_BLOCK_CNTL
    {0x28c5c, 0x20},                    // VGT_OUT_DEALLOC_CNTL
};

}  // namespace

void load_clear_state(Registers& registers) {
    registers.clear(kContextWindow);
    for (const ClearValue& value : kValues)
        for (uint32_t i = 0; i < value.count; i++)
            registers.write((value.byte_address + i * value.stride) / 4, value.value);
}

}  // namespace simgpu::pm4
