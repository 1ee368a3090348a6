// Context registers that several stages read, as byte addresses (Mesa: gfx9.json).
#pragma once

#include <cstdint>

#include "simgpu/amd/gfx9/draw/draw.h"

namespace simgpu::gfx9::draw {

constexpr uint32_t kDepthSize = 0x2801c;    // DB_DEPTH_SIZE
constexpr uint32_t kDepthInfo = 0x28038;    // DB_Z_INFO
constexpr uint32_t kStencilInfo = 0x2803c;  // DB_STENCIL_INFO
constexpr uint32_t kClipControl = 0x28810;  // PA_CL_CLIP_CNTL
constexpr uint32_t kSetupMode = 0x28814;    // PA_SU_SC_MODE_CNTL
constexpr uint32_t kScanMode = 0x28a48;     // PA_SC_MODE_CNTL_0
constexpr uint32_t kColourInfo = 0x28c70;   // CB_COLOR0_INFO
constexpr uint32_t kColourStride = 0x3c;    // from one target's registers to the next one's

/// The address of a surface, a shader or a ring from two registers: its bits 8 to 39, and those
/// above.
inline uint64_t base_address(const RegisterReader& registers, uint32_t low) {
    return (uint64_t{registers(low + 4) & 0xff} << 32 | registers(low)) << 8;
}

}  // namespace simgpu::gfx9::draw
