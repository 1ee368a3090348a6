#include <initializer_list>

#include "tools/demo-program/scene.h"

namespace viaduct::demo {
namespace {

constexpr float kTurn = 6.2831853F;

/// Lengths in the scene's unit.
struct Wheel {
    float inner, root, tip, half_width;  // radii, and half of the thickness
    uint32_t teeth;
};

Vec3 on_circle(float radius, float angle, float z) {
    return {radius * std::cos(angle), radius * std::sin(angle), z};
}

class WheelBuilder {
  public:
    explicit WheelBuilder(const Wheel& wheel) : wheel_(wheel) {}

    Mesh build() {
        const float step = kTurn / static_cast<float>(wheel_.teeth);
        for (uint32_t i = 0; i < wheel_.teeth; i++) add_tooth(static_cast<float>(i) * step, step);
        return std::move(mesh_);
    }

  private:
    /// Radius and angle of a corner.
    struct Corner {
        float radius, angle;
    };

    // One tooth and the gap behind it: both faces, the outline, the hole's wall.
    void add_tooth(float start, float step) {
        const float quarter = step / 4;
        const Corner outline[] = {{wheel_.root, start},
                                  {wheel_.tip, start + quarter},
                                  {wheel_.tip, start + 2 * quarter},
                                  {wheel_.root, start + 3 * quarter},
                                  {wheel_.root, start + step}};
        for (size_t i = 0; i + 1 < std::size(outline); i++) {
            const Corner &a = outline[i], &b = outline[i + 1];
            const Corner inner_a{wheel_.inner, a.angle}, inner_b{wheel_.inner, b.angle};
            add_faces(inner_a, inner_b, b, a);
            const Vec3 along =
                on_circle(b.radius, b.angle, 0) + on_circle(a.radius, a.angle, 0) * -1;
            add_wall(a, b, normalised({along.y, -along.x, 0}));
            add_wall(inner_b, inner_a, on_circle(-1, (a.angle + b.angle) / 2, 0));
        }
    }
    void add_faces(Corner a, Corner b, Corner c, Corner d) {
        for (const float side : {1.F, -1.F}) {
            const float z = side * wheel_.half_width;
            add_quad({on_circle(a.radius, a.angle, z), on_circle(b.radius, b.angle, z),
                      on_circle(c.radius, c.angle, z), on_circle(d.radius, d.angle, z)},
                     {0, 0, side});
        }
    }
    void add_wall(Corner a, Corner b, Vec3 normal) {
        const float z = wheel_.half_width;
        add_quad({on_circle(a.radius, a.angle, z), on_circle(a.radius, a.angle, -z),
                  on_circle(b.radius, b.angle, -z), on_circle(b.radius, b.angle, z)},
                 normal);
    }
    void add_quad(std::initializer_list<Vec3> corners, Vec3 normal) {
        const auto first = static_cast<uint32_t>(mesh_.vertices.size());
        for (const Vec3& corner : corners) mesh_.vertices.push_back({corner, normal});
        for (const uint32_t corner : {0U, 1U, 2U, 0U, 2U, 3U})
            mesh_.indices.push_back(first + corner);
    }

    Wheel wheel_;
    Mesh mesh_;
};

/// A wheel, where it is, and how it turns with the first one.
struct Axle {
    Wheel wheel;
    Vec3 place;
    Vec4 colour;
    float ratio, phase;  // of a turn of the first wheel
};

const Axle kAxles[] = {
    {{1.0F, 3.65F, 4.35F, 0.5F, 20}, {-3.0F, -2.0F, 0}, {0.8F, 0.1F, 0.05F, 0}, 1, 0},
    {{0.5F, 1.65F, 2.35F, 1.0F, 10}, {3.1F, -2.0F, 0}, {0.1F, 0.75F, 0.2F, 0}, -2, -0.157F},
    {{1.3F, 1.65F, 2.35F, 0.25F, 10}, {-3.1F, 4.2F, 0}, {0.2F, 0.25F, 0.9F, 0}, -2, -0.436F},
};

}  // namespace

Scene gears_scene() {
    Scene scene;
    for (const Axle& axle : kAxles) scene.meshes.push_back(WheelBuilder(axle.wheel).build());
    scene.place = [](uint32_t frame, float aspect) {
        const float turn = static_cast<float>(frame) * 0.05F;
        const Matrix camera =
            translation({0, 0, -30}) * rotation_x(0.35F) * rotation_y(0.5F + turn / 10);
        const Matrix projection = perspective(3.4F, aspect, 5, 60);
        std::vector<Placed> placed;
        for (size_t i = 0; i < std::size(kAxles); i++) {
            const Axle& axle = kAxles[i];
            const Matrix view =
                camera * translation(axle.place) * rotation_z(axle.ratio * turn + axle.phase);
            placed.push_back({i, placement_of(projection, view, axle.colour)});
        }
        return placed;
    };
    return scene;
}

}  // namespace viaduct::demo
