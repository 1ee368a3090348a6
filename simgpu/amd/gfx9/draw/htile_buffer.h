// The depth buffer's HTILE: cleared blocks become stored ones before anything else happens to them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/surface/htile.h"
#include "simgpu/amd/gfx9/surface/meta_surface.h"
#include "simgpu/amd/gfx9/surface/surface.h"

namespace simgpu::gfx9::draw {

/// One plane of a depth buffer: what a cleared pixel of it holds.
struct HtilePlane {
    const Surface* surface = nullptr;  // null: there is none
    uint32_t clear = 0;                // bits of a pixel
    unsigned bytes = 0;
};

class HtileBuffer {
  public:
    HtileBuffer(const RegisterReader& registers, AddressConfig addresses, ShaderMemory& memory);

    bool enabled() const { return enabled_; }
    void set_planes(const HtilePlane& depth, const HtilePlane& stencil) {
        depth_ = depth;
        stencil_ = stencil;
    }
    /// Stores the pixels of the 8x8 that (x, y) is in, if they are cleared, and updates HTILE.
    /// False: a fault, which the memory has, or a problem.
    bool open(uint32_t x, uint32_t y, uint32_t slice, unsigned level);
    /// A sentence about contents that are not simulated; else empty.
    const std::string& problem() const { return problem_; }

  private:
    bool store_clear(const HtilePlane& plane, uint32_t x, uint32_t y, uint32_t slice,
                     unsigned level);

    ShaderMemory& memory_;
    bool enabled_ = false;
    bool has_stencil_ = false;  // the words have a part for stencil
    std::optional<MetaSurface> surface_;
    HtilePlane depth_, stencil_;
    // The block that was opened last: x, y, slice and level.
    std::array<uint32_t, 4> latest_{~0u, ~0u, ~0u, ~0u};
    std::string problem_;
};

}  // namespace simgpu::gfx9::draw
