// Where the pixels of a surface's levels and layers lie.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "simgpu/intel/eu/memory/surface.h"
#include "simgpu/intel/surface/format.h"
#include "simgpu/intel/surface/tiling.h"

namespace simgpu::intel::eu {

/// A surface as an image, for typed messages and the sampler.
class Image {
  public:
    /// `problem` is set if the surface has something that is not simulated.
    Image(const Surface& surface, std::string* problem);

    const Format& format() const { return *format_; }
    bool is_null() const { return surface_.type == SurfaceType::kNull; }
    /// Width, height, and depth or layers of a level.
    std::array<uint32_t, 3> size(uint32_t level) const;
    uint32_t levels() const { return surface_.levels; }
    uint32_t first_level() const { return surface_.base_level; }
    /// Nothing outside of the surface.
    std::optional<uint64_t> address(uint32_t x, uint32_t y, uint32_t z, uint32_t level) const;
    const Surface& surface() const { return surface_; }

  private:
    bool is_buffer() const {
        return surface_.type == SurfaceType::kBuffer || surface_.type == SurfaceType::kStructured;
    }
    std::array<uint64_t, 2> level_offset(uint32_t level) const;

    const Surface& surface_;
    const Format* format_ = nullptr;
    Tiling tiling_ = Tiling::kLinear;
};

}  // namespace simgpu::intel::eu
