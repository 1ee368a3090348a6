// The address operands of image instructions.
#pragma once

#include <cstdint>

#include "simgpu/amd/gfx9/wave/wave.h"

namespace simgpu::gfx9 {

/// MIMG's opcodes, taken apart.
struct ImageOperation {
    enum class Kind : uint8_t {
        kUnknown,
        kLoad,
        kStore,
        kAtomic,
        kQuerySize,
        kSample,
        kGather,
        kQueryLod,
    };
    enum class Lod : uint8_t { kImplicit, kDerivatives, kExplicit, kBias, kZero };

    Kind kind = Kind::kUnknown;
    bool with_level = false;  // loads and stores: a mip level follows the coordinates
    Lod lod = Lod::kImplicit;
    bool clamps_lod = false;
    bool compares = false;
    bool offsets = false;

    static ImageOperation decode(unsigned opcode);
};

/// One lane's address.
struct ImageAddress {
    int32_t offset[3] = {};
    float bias = 0;
    float reference = 0;        // to compare with
    float gradient[2][3] = {};  // d/dx, d/dy
    float coordinate[4] = {};
    uint32_t integer[4] = {};  // the same of loads and stores
    float lod = 0;
    uint32_t level = 0;
};

/// Registers that the address occupies: `coordinates` of them for the position (with the slice).
unsigned address_registers(const ImageOperation& operation, unsigned dimensions,
                           unsigned coordinates, bool half);
/// `half`: coordinates, derivatives and levels are 16 bits, two to a register (A16).
ImageAddress read_address(const Wave& wave, unsigned first, unsigned lane,
                          const ImageOperation& operation, unsigned dimensions,
                          unsigned coordinates, bool half);

/// A place (s, t, face) of a cube as it is seen on the plane of another `face`, which reaches
/// beyond the face's edges. False: it is not seen.
bool move_to_face(float (&place)[4], float face);

}  // namespace simgpu::gfx9
