// A scene as the CPU draws it: the reference for the GPU's picture.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tools/demo-program/scene.h"

namespace viaduct::demo {

inline constexpr uint32_t kBackground = 0xff40301c;  // 0xAABBGGRR

/// By Vulkan's rules: positions rounded to 1/256 of a pixel, centres on an upper or left edge
/// belong to the triangle, perspective-correct interpolation, bilinear filter, repeated texture.
std::vector<uint32_t> rasterise(const Scene& scene, std::span<const Placed> placed, uint32_t width,
                                uint32_t height, std::span<const uint32_t> texture);

}  // namespace viaduct::demo
