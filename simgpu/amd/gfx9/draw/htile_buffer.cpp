#include "simgpu/amd/gfx9/draw/htile_buffer.h"

#include <algorithm>

#include <fmt/format.h>

#include "simgpu/amd/gfx9/bits.h"
#include "simgpu/amd/gfx9/draw/registers.h"

namespace simgpu::gfx9::draw {

namespace {

// Byte addresses (GFX9 register headers).
constexpr uint32_t kHtileBase = 0x28014, kHtileSurface = 0x28abc;

constexpr uint32_t kFormat16 = 1;  // DB_Z_INFO.FORMAT
constexpr uint32_t kBlock = 8;

}  // namespace

HtileBuffer::HtileBuffer(const RegisterReader& registers, AddressConfig addresses,
                         ShaderMemory& memory)
    : memory_(memory) {
    const uint32_t info = registers(kDepthInfo), stencil = registers(kStencilInfo);
    enabled_ = bit_of(info, 29);  // TILE_SURFACE_ENABLE
    if (!enabled_) return;
    has_stencil_ = !bit_of(stencil, 29);  // TILE_STENCIL_DISABLE
    const uint32_t format = bits(info, 0, 2);
    MetaShape shape;
    shape.base = base_address(registers, kHtileBase);
    shape.layout.kind = MetaKind::kHtile;
    shape.layout.mode = SwizzleMode(bits(format ? info : stencil, 4, 5));
    shape.layout.element_bits = format == 0 ? 0 : format == kFormat16 ? 1 : 2;
    shape.layout.sample_bits = static_cast<uint8_t>(bits(info, 2, 2));
    shape.layout.pipe_aligned = bit_of(registers(kHtileSurface), 18);
    shape.layout.backend_aligned = bit_of(registers(kHtileSurface), 19);
    shape.levels = static_cast<uint8_t>(bits(info, 16, 4) + 1);
    shape.layout.mipmapped = shape.levels > 1;
    shape.width = bits(registers(kDepthSize), 0, 14) + 1;
    shape.height = bits(registers(kDepthSize), 16, 14) + 1;
    surface_ = MetaSurface::create(shape, addresses);
    if (!surface_) problem_ = "DB_Z_INFO: HTILE of a swizzle mode that has none";
}

bool HtileBuffer::open(uint32_t x, uint32_t y, uint32_t slice, unsigned level) {
    if (!enabled_) return true;
    if (!surface_) return false;
    const std::array<uint32_t, 4> block{x / kBlock, y / kBlock, slice, level};
    if (block == latest_) return true;
    const uint64_t va = surface_->find(x, y, slice, level, 0).va;
    uint32_t word = 0;
    if (!memory_.read(va, &word, 4)) return false;
    HtileWord htile(word);
    if (depth_.surface && !htile.depth_expanded()) {
        if (!htile.depth_cleared()) {
            problem_ = fmt::format("HTILE word {:#x} at {:#x}: depth is compressed", word, va);
            return false;
        }
        if (!store_clear(depth_, x, y, slice, level)) return false;
        htile = htile.with_expanded_depth(has_stencil_);
    }
    if (stencil_.surface && has_stencil_ && !htile.stencil_expanded()) {
        if (!htile.stencil_cleared()) {
            problem_ = fmt::format("HTILE word {:#x} at {:#x}: stencil is compressed", word, va);
            return false;
        }
        if (!store_clear(stencil_, x, y, slice, level)) return false;
        htile = htile.with_expanded_stencil();
    }
    const uint32_t expanded = htile.word();
    if (expanded != word && !memory_.write(va, &expanded, 4)) return false;
    latest_ = block;
    return true;
}

bool HtileBuffer::store_clear(const HtilePlane& plane, uint32_t x, uint32_t y, uint32_t slice,
                              unsigned level) {
    const Surface& surface = *plane.surface;
    const uint32_t left = x & ~(kBlock - 1), top = y & ~(kBlock - 1);
    const uint32_t right = std::min(left + kBlock, surface.width(level));
    const uint32_t bottom = std::min(top + kBlock, surface.height(level));
    for (uint32_t at_y = top; at_y < bottom; at_y++)
        for (uint32_t at_x = left; at_x < right; at_x++)
            for (unsigned s = 0; s < 1u << surface.shape().sample_bits; s++)
                if (!memory_.write(surface.address(at_x, at_y, slice, level, s), &plane.clear,
                                   plane.bytes))
                    return false;
    return true;
}

}  // namespace simgpu::gfx9::draw
