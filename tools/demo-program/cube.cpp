#include "tools/demo-program/scene.h"

namespace viaduct::demo {
namespace {

struct Side {
    Vec3 normal, right, up;
};

constexpr Side kSides[] = {
    {{0, 0, 1}, {1, 0, 0}, {0, 1, 0}},  {{0, 0, -1}, {-1, 0, 0}, {0, 1, 0}},
    {{1, 0, 0}, {0, 0, -1}, {0, 1, 0}}, {{-1, 0, 0}, {0, 0, 1}, {0, 1, 0}},
    {{0, 1, 0}, {1, 0, 0}, {0, 0, -1}}, {{0, -1, 0}, {1, 0, 0}, {0, 0, 1}},
};

Mesh cube() {
    Mesh mesh;
    for (const Side& side : kSides) {
        const auto first = static_cast<uint32_t>(mesh.vertices.size());
        for (const float v : {0.F, 1.F})
            for (const float u : {0.F, 1.F})
                mesh.vertices.push_back(
                    {side.normal + side.right * (2 * u - 1) + side.up * (1 - 2 * v), side.normal, u,
                     v});
        for (const uint32_t corner : {0U, 1U, 2U, 2U, 1U, 3U})
            mesh.indices.push_back(first + corner);
    }
    return mesh;
}

}  // namespace

Scene cube_scene() {
    return {.meshes = {cube()}, .place = [](uint32_t frame, float aspect) {
                const auto turn = static_cast<float>(frame) * 0.1F;
                const Matrix view =
                    translation({0, 0, -6}) * rotation_x(0.5F + turn / 2) * rotation_y(0.7F + turn);
                const Matrix projection = perspective(2, aspect, 1, 20);
                return std::vector<Placed>{{0, placement_of(projection, view, {1, 1, 1, 1})}};
            }};
}

}  // namespace viaduct::demo
