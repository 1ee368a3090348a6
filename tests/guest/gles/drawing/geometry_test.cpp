// Which pixels primitives cover, and what is interpolated over them.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/guest/gles/context.h"
#include "tests/guest/gles/drawing/picture.h"

namespace viaduct::gles {
namespace {

constexpr Rgba kNothing{0, 0, 0, 0};
constexpr Rgba kWhite{255, 255, 255, 255};

/// Corners in pixels of a target that is 64 x 64.
PaintVertex at(float x, float y, std::array<float, 4> v = {1, 1, 1, 1}, float w = 1) {
    return {{(x / 32 - 1) * w, (y / 32 - 1) * w, 0, w}, {v[0], v[1], v[2], v[3]}};
}

TEST(Geometry, ClearsInsideOfTheScissorOnly) {
    const Target target(64, 48);
    glClearColor(0.2f, 0.4f, 0.6f, 0.8f);
    glClear(GL_COLOR_BUFFER_BIT);
    glEnable(GL_SCISSOR_TEST);
    glScissor(5, 7, 20, 9);
    glClearColor(1, 0, 0, 1);
    glClear(GL_COLOR_BUFFER_BIT);
    target.expect([](int x, int y) {
        return x >= 5 && x < 25 && y >= 7 && y < 16 ? Rgba{255, 0, 0, 255}
                                                    : Rgba{51, 102, 153, 204};
    });
}

TEST(Geometry, ATriangleCoversTheCentresInsideOfIt) {
    const Target target(64, 64);
    const Painter painter(kValue);
    paint(GL_TRIANGLES, {at(3, 5), at(59.5f, 9.25f), at(20.75f, 61)});
    const auto side = [](double ax, double ay, double bx, double by, double x, double y) {
        return (bx - ax) * (y - ay) - (by - ay) * (x - ax);
    };
    target.expect([&](int px, int py) {
        const double x = px + 0.5, y = py + 0.5;
        const bool inside = side(3, 5, 59.5, 9.25, x, y) > 0 &&
                            side(59.5, 9.25, 20.75, 61, x, y) > 0 &&
                            side(20.75, 61, 3, 5, x, y) > 0;
        return inside ? kWhite : kNothing;
    });
}

// Two triangles of one rectangle add up to exactly one everywhere.
TEST(Geometry, SharedEdgesAreDrawnOnce) {
    const Target target(64, 64);
    const Painter painter(kValue);
    glEnable(GL_BLEND);
    glBlendFunc(GL_ONE, GL_ONE);
    const std::array<float, 4> half = {0.25f, 0.25f, 0.25f, 0.25f};
    const PaintVertex middle = at(21.5f, 40.5f, half);
    const PaintVertex corner[] = {at(0, 0, half), at(64, 0, half), at(64, 64, half),
                                  at(0, 64, half)};
    for (int i = 0; i < 4; i++) paint(GL_TRIANGLES, {middle, corner[i], corner[(i + 1) % 4]});
    target.expect([](int, int) { return Rgba{64, 64, 64, 64}; }, 0);
}

// A tolerance of one step: exports go through half floats or 16-bit integers.
TEST(Geometry, ValuesAreInterpolatedLinearly) {
    const Target target(64, 64);
    const Painter painter(kValue);
    paint(GL_TRIANGLE_STRIP, {at(0, 0, {0, 0, 1, 1}), at(64, 0, {1, 0, 1, 1}),
                              at(0, 64, {0, 1, 1, 1}), at(64, 64, {1, 1, 1, 1})});
    target.expect(
        [](int x, int y) {
            return Rgba{to_byte((x + 0.5) / 64), to_byte((y + 0.5) / 64), 255, 255};
        },
        1);
}

TEST(Geometry, PerspectiveDividesWhatIsInterpolated) {
    const Target target(64, 64);
    const Painter painter(kValue);
    // From left to right w goes from 1 to 4.
    paint(GL_TRIANGLE_STRIP, {at(0, 0, {0, 0, 0, 1}), at(64, 0, {1, 0, 0, 1}, 4),
                              at(0, 64, {0, 0, 0, 1}), at(64, 64, {1, 0, 0, 1}, 4)});
    target.expect(
        [](int x, int) {
            const double t = (x + 0.5) / 64;
            return Rgba{to_byte(t / 4 / (1 - t + t / 4)), 0, 0, 255};
        },
        1);
}

TEST(Geometry, FlatValuesComeFromTheLastVertex) {
    const Target target(64, 64);
    const Painter painter(R"(#version 310 es
in vec4 position;
in vec4 value;
flat out vec4 v;
void main() { gl_Position = position; v = value; }
)",
                          R"(#version 310 es
precision highp float;
flat in vec4 v;
out vec4 colour;
void main() { colour = v; }
)");
    paint(GL_TRIANGLE_STRIP, {at(0, 0, {0, 0, 0, 1}), at(64, 0, {1, 0, 0, 1}),
                              at(0, 64, {0, 1, 0, 1}), at(64, 64, {0, 0, 1, 1})});
    target.expect([](int x, int y) {
        return x + y < 63 ? Rgba{0, 255, 0, 255} : Rgba{0, 0, 255, 255};
    });
}

TEST(Geometry, FacesAreCulledByTheirWinding) {
    const Painter painter(kValue);
    for (const bool clockwise_is_front : {false, true})
        for (const bool cull_front : {false, true}) {
            const Target target(64, 64);
            glEnable(GL_CULL_FACE);
            glCullFace(cull_front ? GL_FRONT : GL_BACK);
            glFrontFace(clockwise_is_front ? GL_CW : GL_CCW);
            paint(GL_TRIANGLE_FAN,
                  {at(0, 0), at(64, 0), at(64, 64), at(0, 64)});  // counterclockwise
            const bool drawn = clockwise_is_front == cull_front;
            target.expect([&](int, int) { return drawn ? kWhite : kNothing; });
        }
}

TEST(Geometry, TheFragmentShaderKnowsTheFace) {
    const Target target(64, 64);
    const Painter painter(R"(#version 310 es
precision highp float;
in vec4 v;
out vec4 colour;
void main() { colour = gl_FrontFacing ? vec4(0, 1, 0, 1) : vec4(1, 0, 0, 1); }
)");
    paint(GL_TRIANGLES, {at(0, 0), at(32, 0), at(32, 64), at(0, 0), at(32, 64), at(0, 64),
                         at(32, 0), at(32, 64), at(64, 0), at(64, 0), at(32, 64), at(64, 64)});
    target.expect([](int x, int) { return x < 32 ? Rgba{0, 255, 0, 255} : Rgba{255, 0, 0, 255}; });
}

TEST(Geometry, WhatIsBehindTheNearPlaneIsCutOff) {
    const Target target(64, 64);
    const Painter painter(kValue);
    std::vector<PaintVertex> square = {at(0, 0), at(64, 0), at(0, 64), at(64, 64)};
    // z runs from -3 on the left to 1 on the right: the plane at -1 is in the middle.
    square[0].position[2] = square[2].position[2] = -3;
    square[1].position[2] = square[3].position[2] = 1;
    paint(GL_TRIANGLE_STRIP, square);
    target.expect([](int x, int) { return x >= 32 ? kWhite : kNothing; });
}

TEST(Geometry, WhatReachesBehindTheEyeIsCutOff) {
    const Target target(64, 64);
    const Painter painter(kValue);
    // The ground from under the eye to far away: its near end has a negative w.
    const auto ground = [](float x, float depth) {
        return PaintVertex{{x, -1, depth * 0.5f, depth}, {1, 1, 1, 1}};
    };
    paint(GL_TRIANGLE_STRIP, {ground(-500, -1), ground(500, -1), ground(-500, 4), ground(500, 4)});
    // The far end is at y = -1/4.
    target.expect([](int, int y) { return y < 24 ? kWhite : kNothing; });
}

TEST(Geometry, StripsRestart) {
    const Target target(64, 64);
    const Painter painter(kValue);
    glEnable(GL_PRIMITIVE_RESTART_FIXED_INDEX);
    paint_indexed(
        GL_TRIANGLE_STRIP,
        {at(0, 0), at(16, 0), at(0, 64), at(16, 64), at(48, 0), at(64, 0), at(48, 64), at(64, 64)},
        {0, 1, 2, 3, 0xffff, 4, 5, 6, 7});
    target.expect([](int x, int) { return x < 16 || x >= 48 ? kWhite : kNothing; });
}

TEST(Geometry, FansAndInstances) {
    const Target target(64, 64);
    const Painter painter(R"(#version 310 es
in vec4 position;
in vec4 value;
out vec4 v;
void main() {
    gl_Position = position + vec4(float(gl_InstanceID) * 0.5, 0, 0, 0);
    v = vec4(float(gl_InstanceID + 1) / 4.0, float(gl_VertexID) * 0.0, 0, 1);
}
)",
                          kValue);
    paint(GL_TRIANGLE_FAN, {at(0, 0), at(8, 0), at(8, 64), at(0, 64)}, 3);
    target.expect(
        [](int x, int) {
            const int instance = x / 16;
            if (x % 16 >= 8 || instance > 2) return kNothing;
            return Rgba{to_byte((instance + 1) / 4.0), 0, 0, 255};
        },
        1);
}

TEST(Geometry, PointsAreSquaresWithCoordinates) {
    const Target target(64, 64);
    const Painter painter(R"(#version 310 es
in vec4 position;
in vec4 value;
void main() { gl_Position = position; gl_PointSize = value.x; }
)",
                          R"(#version 310 es
precision highp float;
out vec4 colour;
void main() { colour = vec4(gl_PointCoord, 1.0, 1.0); }
)");
    paint(GL_POINTS, {at(32, 24, {16, 0, 0, 0})});
    target.expect(
        [](int x, int y) {
            if (x < 24 || x >= 40 || y < 16 || y >= 32) return kNothing;
            // T grows downwards.
            return Rgba{to_byte((x - 23.5) / 16), to_byte((31.5 - y) / 16), 255, 255};
        },
        1);
}

TEST(Geometry, LinesAreOnePixelThick) {
    const Target target(64, 64);
    const Painter painter(kValue);
    paint(GL_LINES, {at(4, 10.5f), at(60, 10.5f), at(20.5f, 20), at(20.5f, 60)});
    target.expect([](int x, int y) {
        const bool across = y == 10 && x >= 4 && x < 60;
        const bool up = x == 20 && y >= 20 && y < 60;
        return across || up ? kWhite : kNothing;
    });
}

// Large enough for many blocks of any tiling, and no multiple of one.
TEST(Geometry, LargePicturesAreWhole) {
    const Target target(331, 227);
    const Painter painter(R"(#version 310 es
precision highp float;
in vec4 v;
out vec4 colour;
void main() {
    ivec2 at = ivec2(gl_FragCoord.xy);
    colour = vec4(at.x & 255, at.y & 255, (at.x >> 8) * 16 + 1, 255) / 255.0;
}
)");
    paint_all(0, {0, 0, 0, 0});
    target.expect([](int x, int y) { return Rgba{x & 255, y & 255, (x >> 8) * 16 + 1, 255}; });
}

}  // namespace
}  // namespace viaduct::gles
