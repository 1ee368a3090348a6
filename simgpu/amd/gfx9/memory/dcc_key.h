// Keys of DCC: a byte of metadata for the storage of each 256 bytes of a colour surface.
#pragma once

#include <cstdint>

#include "simgpu/amd/gfx9/memory/buffer_format.h"

namespace simgpu::gfx9 {

/// Bytes of data that one key is about.
inline constexpr unsigned kDccBlockBytes = 256;

enum class DccState : uint8_t {
    kStored,    // as without DCC
    kConstant,  // one of four colours, of zeros and ones
    kSingle,    // the block's first element everywhere
    kRegister,  // the colour in CB_COLORn_CLEAR_WORD0 and 1, which only colour units can read
    kUnknown,   // compressed: nothing here writes such
};

inline constexpr uint8_t kDccStored = 0xff;

/// Codes as Mesa's drivers write them (radv: RADV_DCC_*; radeonsi: DCC_CLEAR_*).
constexpr DccState dcc_state(uint8_t key) {
    switch (key) {
        case kDccStored:
            return DccState::kStored;
        case 0x00:
        case 0x40:
        case 0x80:
        case 0xc0:
            return DccState::kConstant;
        case 0x10:
            return DccState::kSingle;
        case 0x20:
            return DccState::kRegister;
        default:
            return DccState::kUnknown;
    }
}

/// The element that a key of kConstant stands for: bit 7 is the colour, bit 6 alpha. Alpha is the
/// last component in memory or, if not `alpha_on_msb`, the first; of three none. A one is what the
/// format has as its greatest normalised or integer value, or 1.0.
void dcc_constant(uint8_t key, BufferFormat format, bool alpha_on_msb, uint8_t* element);

}  // namespace simgpu::gfx9
