#include "simgpu/intel/eu/memory/image.h"

#include <fmt/format.h>

#include <algorithm>

namespace simgpu::intel::eu {

namespace {

uint32_t minify(uint32_t size, uint32_t level) {
    return level >= 32 ? 1 : std::max(size >> level, 1u);
}

uint64_t align(uint64_t value, uint64_t alignment) {
    return (value + alignment - 1) / alignment * alignment;
}

}  // namespace

Image::Image(const Surface& surface, std::string* problem) : surface_(surface) {
    static const Format kNone{};
    format_ = find_format(surface.format);
    if (!format_) {
        format_ = &kNone;
        if (!is_null())
            *problem = fmt::format("surface format {:#x} is not simulated", surface.format);
        return;
    }
    constexpr Tiling kTilings[] = {Tiling::kLinear, Tiling::k64, Tiling::kX, Tiling::kY};
    tiling_ = kTilings[static_cast<unsigned>(surface.tiling)];
    if (tiling_ == Tiling::kY && surface.is_tile4) tiling_ = Tiling::k4;
    if (tiling_ == Tiling::k64) *problem = "its tiling is not simulated";
    if (surface.samples > 1) *problem = "multisampled surfaces are not simulated";
}

std::array<uint32_t, 3> Image::size(uint32_t level) const {
    if (is_buffer()) return {surface_.width, 1, 1};
    const uint32_t depth = surface_.type == SurfaceType::k3D     ? minify(surface_.depth, level)
                           : surface_.type == SurfaceType::kCube ? surface_.depth * 6
                                                                 : surface_.depth;
    const bool flat = surface_.type == SurfaceType::k1D;
    return {minify(surface_.width, level), flat ? 1 : minify(surface_.height, level), depth};
}

/// Pixels from the start of a slice to a level's: the first below each other is level 0 and 1,
/// those beyond are right of level 1 (PRM volume 5, "Surface layout"). 1D: one after the other.
std::array<uint64_t, 2> Image::level_offset(uint32_t level) const {
    const uint64_t horizontal = surface_.is_tile4
                                    ? std::max<uint64_t>(surface_.halign / format_->bytes, 1)
                                    : surface_.halign;
    std::array<uint64_t, 2> at{};
    if (surface_.type == SurfaceType::k1D) {
        constexpr uint64_t kAlignment = 64;
        for (uint32_t i = 0; i < level; i++) at[0] += align(minify(surface_.width, i), kAlignment);
        return at;
    }
    for (uint32_t i = 0; i < level; i++) {
        if (i == 1)
            at[0] += align(minify(surface_.width, 1), horizontal);
        else
            at[1] += align(minify(surface_.height, i), surface_.valign);
    }
    return at;
}

std::optional<uint64_t> Image::address(uint32_t x, uint32_t y, uint32_t z, uint32_t level) const {
    if (is_null() || level >= 15) return std::nullopt;
    const std::array<uint32_t, 3> extent = size(level);
    if (x >= extent[0] || y >= extent[1] || z >= extent[2]) return std::nullopt;
    if (is_buffer()) return surface_.base + uint64_t{x} * surface_.pitch;
    const std::array<uint64_t, 2> offset = level_offset(level);
    const uint64_t slice = uint64_t{z} + surface_.first_layer;
    if (surface_.type == SurfaceType::k1D)
        return surface_.base + (slice * surface_.qpitch + offset[0] + x) * format_->bytes;
    const uint64_t row = slice * surface_.qpitch + offset[1] + y;
    const uint64_t column = (offset[0] + x) * format_->bytes;
    return surface_.base + tiled_offset(tiling_, surface_.pitch, column, row);
}

}  // namespace simgpu::intel::eu
