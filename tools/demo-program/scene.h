// The scenes: meshes, and where they are in each frame.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "tools/demo-program/vectors.h"

namespace viaduct::demo {

/// As the vertex buffer has it.
struct Vertex {
    Vec3 position;
    Vec3 normal;
    float u = 0, v = 0;
};

struct Mesh {
    std::vector<Vertex> vertices;
    std::vector<uint32_t> indices;  // three for each triangle
};

/// Push constants of place.vert and light.frag.
struct Placement {
    Matrix to_clip;
    std::array<Vec4, 3> to_view;  // rotates normals; columns
    Vec4 colour;                  // alpha: how much of the texture shows
};
static_assert(sizeof(Placement) == 128, "as much as any Vulkan device takes");

/// A mesh at a place.
struct Placed {
    size_t mesh = 0;
    Placement placement;
};

/// All of it lies between the planes in front of and behind the viewer, so nothing is clipped.
struct Scene {
    std::vector<Mesh> meshes;
    /// `aspect`: width over height.
    std::function<std::vector<Placed>(uint32_t frame, float aspect)> place;
};

/// A cube with a textured side, which turns.
Scene cube_scene();
/// Three wheels whose teeth mesh.
Scene gears_scene();

inline constexpr uint32_t kTextureSize = 64;
/// kTextureSize rows of as many 0xAABBGGRR texels.
std::vector<uint32_t> make_texture();

/// In view space: to the light, and half-way between it and the viewer.
inline const Vec3 kLight = normalised({0.4F, 0.6F, 0.7F});
inline const Vec3 kHalfway = normalised(kLight + Vec3{0, 0, 1});

Placement placement_of(const Matrix& projection, const Matrix& view, Vec4 colour);

}  // namespace viaduct::demo
