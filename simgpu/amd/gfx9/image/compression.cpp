#include "simgpu/amd/gfx9/image/compression.h"

#include <cstring>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/memory/dcc_key.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/surface/htile.h"

namespace simgpu::gfx9 {

bool Compression::read(ShaderMemory& memory, const TexelAt& at, uint64_t va,
                       uint8_t* element) const {
    switch (kind_) {
        case Kind::kColour:
            return read_colour(memory, at, va, element);
        case Kind::kDepth:
        case Kind::kStencil:
            return read_depth(memory, at, va, element);
        case Kind::kFmask:
            return read_fmask(memory, at, va, element);
        default:
            return memory.read(va, element, format_.bytes());
    }
}

bool Compression::read_colour(ShaderMemory& memory, const TexelAt& at, uint64_t va,
                              uint8_t* element) const {
    uint8_t key = 0;
    if (!memory.read(surface_->find(at.x, at.y, at.z, at.level, at.sample).va, &key, 1))
        return false;
    switch (dcc_state(key)) {
        case DccState::kStored:
            return memory.read(va, element, format_.bytes());
        case DccState::kSingle:
            return memory.read(va & ~uint64_t{kDccBlockBytes - 1}, element, format_.bytes());
        case DccState::kConstant:
            dcc_constant(key, format_, alpha_on_msb_, element);
            return true;
        default:
            return false;
    }
}

bool Compression::read_depth(ShaderMemory& memory, const TexelAt& at, uint64_t va,
                             uint8_t* element) const {
    uint32_t word = 0;
    if (!memory.read(surface_->find(at.x, at.y, at.z, at.level, 0).va, &word, 4)) return false;
    const HtileWord htile(word);
    const bool stencil = kind_ == Kind::kStencil;
    if (stencil ? htile.stencil_expanded() : htile.depth_expanded())
        return memory.read(va, element, format_.bytes());
    if (!(stencil ? htile.stencil_cleared() : htile.depth_cleared())) return false;
    const bool one = !stencil && htile.max_z() == HtileWord::kGreatestZ;
    if (!stencil && !one && htile.max_z() != 0) return false;
    pack_greatest(format_, one ? 1 : 0, element);
    return true;
}

bool Compression::read_fmask(ShaderMemory& memory, const TexelAt& at, uint64_t va,
                             uint8_t* element) const {
    const MetaSurface::Place place = surface_->find(at.x, at.y, at.z, 0, 0);
    uint8_t cmask = 0;
    if (!memory.read(place.va, &cmask, 1)) return false;
    std::memset(element, 0, format_.bytes());
    if ((cmask >> place.shift & 3) == 0) return true;  // all samples show fragment 0
    return memory.read(va, element, format_.bytes());
}

uint32_t expand_fmask(uint32_t stored, unsigned sample_bits) {
    // 2 samples: 1 bit each, 4: 2 bits, 8: 4 bits.
    const unsigned bits_each = sample_bits == 3 ? 4 : sample_bits;
    uint32_t expanded = 0;
    for (unsigned sample = 0; sample < 1u << sample_bits; sample++)
        expanded |= bits(stored, sample * bits_each, bits_each) << (4 * sample);
    return expanded;
}

}  // namespace simgpu::gfx9
