// Transform feedback, geometry shaders and tessellation, against what the CPU computes.
#include <GLES3/gl32.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "tests/guest/gles/context.h"
#include "tests/guest/gles/drawing/picture.h"

namespace viaduct::gles {
namespace {

constexpr Rgba kNothing{0, 0, 0, 0};

/// Corners in pixels of a target that is 64 x 64.
PaintVertex at(float x, float y, std::array<float, 4> v = {1, 1, 1, 1}) {
    return {{x / 32 - 1, y / 32 - 1, 0, 1}, {v[0], v[1], v[2], v[3]}};
}

constexpr char kVertex[] = R"(#version 310 es
in vec4 position;
in vec4 value;
out vec4 v;
void main() {
    gl_Position = position;
    v = value;
}
)";

/// A fragment shader where nothing is drawn.
constexpr char kNone[] = R"(#version 310 es
void main() {}
)";

/// A buffer that transform feedback writes to, and a query about it.
class Capture {
  public:
    explicit Capture(size_t floats) : floats_(floats), buffer_(bytes()) {
        const std::vector<float> untouched(floats, kUntouched);
        buffer_.write(untouched.data(), bytes());
        glGenQueries(1, &query_);
    }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture() { glDeleteQueries(1, &query_); }

    static constexpr float kUntouched = -77;

    /// Captures what `draw` draws as primitives of `mode`. The number that were written.
    template <class Draw>
    GLuint run(GLenum mode, Draw&& draw) {
        glBindBufferBase(GL_TRANSFORM_FEEDBACK_BUFFER, 0, buffer_.get());
        glEnable(GL_RASTERIZER_DISCARD);
        glBeginQuery(GL_TRANSFORM_FEEDBACK_PRIMITIVES_WRITTEN, query_);
        glBeginTransformFeedback(mode);
        draw();
        glEndTransformFeedback();
        glEndQuery(GL_TRANSFORM_FEEDBACK_PRIMITIVES_WRITTEN);
        glDisable(GL_RASTERIZER_DISCARD);
        glBindBufferBase(GL_TRANSFORM_FEEDBACK_BUFFER, 0, 0);
        GLuint written = 0;
        glGetQueryObjectuiv(query_, GL_QUERY_RESULT, &written);
        check_gl("glEndTransformFeedback");
        return written;
    }
    std::vector<float> values() const {
        std::vector<float> all(floats_);
        buffer_.read(all.data(), bytes());
        return all;
    }

  private:
    GLsizeiptr bytes() const { return static_cast<GLsizeiptr>(floats_ * sizeof(float)); }

    size_t floats_;
    Buffer buffer_;
    GLuint query_ = 0;
};

constexpr char kNumbered[] = R"(#version 310 es
in vec4 position;
in vec4 value;
out vec4 v;
out vec2 number;
void main() {
    gl_Position = position;
    v = value;
    number = vec2(gl_VertexID, gl_InstanceID);
}
)";

TEST(Feedback, AStripIsWrittenAsTriangles) {
    const Target target(64, 64);
    const Painter painter({{GL_VERTEX_SHADER, kNumbered}, {GL_FRAGMENT_SHADER, kNone}}, {"number"});
    std::vector<PaintVertex> strip;
    for (int i = 0; i < 100; i++) strip.push_back(at(static_cast<float>(i % 2), 0));
    constexpr size_t kTriangles = 98, kInstances = 2;
    Capture capture(kInstances * kTriangles * 3 * 2);
    EXPECT_EQ(capture.run(GL_TRIANGLES, [&] { paint(GL_TRIANGLE_STRIP, strip, kInstances); }),
              kInstances * kTriangles);
    std::vector<float> expected;
    for (size_t instance = 0; instance < kInstances; instance++)
        for (size_t i = 0; i < kTriangles; i++) {
            // The vertices of each second one change places, so that all turn the same way.
            const size_t swap = i % 2;
            for (const size_t vertex : {i + swap, i + 1 - swap, i + 2}) {
                expected.push_back(static_cast<float>(vertex));
                expected.push_back(static_cast<float>(instance));
            }
        }
    EXPECT_EQ(capture.values(), expected);
}

TEST(Feedback, WhatIsNotWholeIsNotWritten) {
    const Target target(64, 64);
    const Painter painter({{GL_VERTEX_SHADER, kVertex}, {GL_FRAGMENT_SHADER, kValue}}, {"v"});
    // Two lines and a half.
    Capture capture(4 * 5);
    std::vector<PaintVertex> lines;
    for (int i = 0; i < 8; i++) {
        const auto x = static_cast<float>(i);
        lines.push_back(at(0, 0, {x, x + 0.25f, x + 0.5f, x + 0.75f}));
    }
    EXPECT_EQ(capture.run(GL_LINES, [&] { paint(GL_LINES, lines); }), 2u);
    const std::vector<float> values = capture.values();
    for (size_t i = 0; i < 16; i++) EXPECT_EQ(values[i], static_cast<float>(i) / 4) << i;
    for (size_t i = 16; i < 20; i++) EXPECT_EQ(values[i], Capture::kUntouched) << i;
}

TEST(Feedback, DrawsGoOnWhereTheLastOneEnded) {
    const Target target(64, 64);
    const Painter painter({{GL_VERTEX_SHADER, kVertex}, {GL_FRAGMENT_SHADER, kValue}}, {"v"});
    Capture capture(4 * 4);
    EXPECT_EQ(capture.run(GL_POINTS,
                          [&] {
                              paint(GL_POINTS, {at(0, 0, {1, 2, 3, 4}), at(0, 0, {5, 6, 7, 8})});
                              glPauseTransformFeedback();
                              paint(GL_TRIANGLES, {at(0, 0), at(1, 0), at(0, 1)});
                              glResumeTransformFeedback();
                              paint(GL_POINTS, {at(0, 0, {9, 10, 11, 12})});
                          }),
              3u);
    const std::vector<float> values = capture.values();
    for (size_t i = 0; i < 12; i++) EXPECT_EQ(values[i], static_cast<float>(i + 1)) << i;
    EXPECT_EQ(values[12], Capture::kUntouched);
}

// Each point becomes a square of its own size and colour, of which the invocations draw a quarter
// each. Enough of them for many groups.
constexpr char kSquares[] = R"(#version 310 es
#extension GL_EXT_geometry_shader : require
layout(points, invocations = 4) in;
layout(triangle_strip, max_vertices = 4) out;
in vec4 v[];
out vec4 colour;
void main() {
    vec2 quarter = vec2(gl_InvocationID & 1, gl_InvocationID >> 1) * 0.5;
    for (int i = 0; i < 4; i++) {
        vec2 corner = (quarter + vec2(i & 1, i >> 1) * 0.5) * v[0].w;
        gl_Position = gl_in[0].gl_Position + vec4(corner, 0, 0);
        colour = vec4(v[0].xy, float(gl_InvocationID) / 4.0, 1);
        EmitVertex();
    }
    EndPrimitive();
}
)";
constexpr char kColour[] = R"(#version 310 es
precision highp float;
in vec4 colour;
out vec4 result;
void main() { result = colour; }
)";

TEST(GeometryShader, PointsBecomeSquares) {
    const Target target(64, 64);
    const Painter painter({{GL_VERTEX_SHADER, kVertex},
                           {GL_GEOMETRY_SHADER, kSquares},
                           {GL_FRAGMENT_SHADER, kColour}});
    std::vector<PaintVertex> points;
    for (int y = 0; y < 64; y += 4)
        for (int x = 0; x < 64; x += 4)
            points.push_back(
                at(static_cast<float>(x), static_cast<float>(y),
                   {static_cast<float>(x) / 255, static_cast<float>(y) / 255, 0, 2.0f / 32}));
    paint(GL_POINTS, points);
    target.expect(
        [](int x, int y) {
            if (x % 4 >= 2 || y % 4 >= 2) return kNothing;
            return Rgba{x & ~3, y & ~3, to_byte((x % 4 + y % 4 * 2) / 4.0), 255};
        },
        1);
}

// Of the six vertices of a triangle with neighbours, and its number.
constexpr char kNeighbours[] = R"(#version 310 es
#extension GL_EXT_geometry_shader : require
layout(triangles_adjacency) in;
layout(points, max_vertices = 7) out;
in vec2 number[];
out float seen;
void main() {
    seen = float(100 + gl_PrimitiveIDIn);
    gl_Position = vec4(0);
    EmitVertex();
    for (int i = 0; i < 6; i++) {
        seen = number[i].x;
        gl_Position = vec4(0);
        EmitVertex();
    }
}
)";

TEST(GeometryShader, TrianglesHaveTheirNeighbours) {
    const Target target(64, 64);
    const Painter painter({{GL_VERTEX_SHADER, kNumbered},
                           {GL_GEOMETRY_SHADER, kNeighbours},
                           {GL_FRAGMENT_SHADER, kNone}},
                          {"seen"});
    Capture capture(7 * 2 + 1);
    const std::vector<PaintVertex> list(12, at(0, 0));
    EXPECT_EQ(capture.run(GL_POINTS, [&] { paint(GL_TRIANGLES_ADJACENCY, list); }), 14u);
    EXPECT_EQ(capture.values(), (std::vector<float>{100, 0, 1, 2, 3, 4, 5,  //
                                                    101, 6, 7, 8, 9, 10, 11, -77}));
}

// Strips of different lengths, none, and one that is not ended.
constexpr char kLengths[] = R"(#version 310 es
#extension GL_EXT_geometry_shader : require
layout(points) in;
layout(line_strip, max_vertices = 9) out;
in vec2 number[];
out vec2 place;
void main() {
    int length = int(number[0].x) % 4;
    for (int strip = 0; strip < 2; strip++) {
        for (int i = 0; i < length; i++) {
            place = vec2(number[0].x, strip * 10 + i);
            gl_Position = vec4(0);
            EmitVertex();
        }
        if (strip == 0) EndPrimitive();
    }
}
)";

TEST(GeometryShader, LanesEmitAsManyAsTheyLike) {
    const Target target(64, 64);
    const Painter painter({{GL_VERTEX_SHADER, kNumbered},
                           {GL_GEOMETRY_SHADER, kLengths},
                           {GL_FRAGMENT_SHADER, kNone}},
                          {"place"});
    constexpr size_t kPoints = 150;
    std::vector<float> expected;
    for (size_t p = 0; p < kPoints; p++)
        for (size_t strip = 0; strip < 2; strip++)
            for (size_t i = 0; i + 1 < p % 4; i++)
                for (size_t end = 0; end < 2; end++) {
                    expected.push_back(static_cast<float>(p));
                    expected.push_back(static_cast<float>(strip * 10 + i + end));
                }
    Capture capture(expected.size());
    EXPECT_EQ(capture.run(GL_LINES,
                          [&] { paint(GL_POINTS, std::vector<PaintVertex>(kPoints, at(0, 0))); }),
              expected.size() / 4);
    EXPECT_EQ(capture.values(), expected);
}

// A patch of four corners, of which the third one's value scales the factors.
constexpr char kControl[] = R"(#version 310 es
#extension GL_EXT_tessellation_shader : require
layout(vertices = 4) out;
in vec4 v[];
out vec4 corner[];
patch out vec4 shade;
void main() {
    gl_out[gl_InvocationID].gl_Position = gl_in[gl_InvocationID].gl_Position;
    corner[gl_InvocationID] = v[gl_InvocationID ^ 1];
    shade = vec4(0, 0, v[0].w, 1);
    for (int i = 0; i < 4; i++) gl_TessLevelOuter[i] = v[2].x + float(i);
    for (int i = 0; i < 2; i++) gl_TessLevelInner[i] = v[2].y + float(i);
}
)";
constexpr char kEvaluation[] = R"(#version 310 es
#extension GL_EXT_tessellation_shader : require
layout(quads, equal_spacing, ccw) in;
in vec4 corner[];
patch in vec4 shade;
out vec4 colour;
void main() {
    vec4 low = mix(gl_in[0].gl_Position, gl_in[1].gl_Position, gl_TessCoord.x);
    vec4 high = mix(gl_in[3].gl_Position, gl_in[2].gl_Position, gl_TessCoord.x);
    gl_Position = mix(low, high, gl_TessCoord.y);
    colour = vec4(gl_TessCoord.xy, 0, 0) * 0.5 + shade * 0.5 + corner[0] * 0.0;
}
)";

TEST(Tessellation, PatchesCoverTheirQuadsOnce) {
    const Target target(64, 64);
    const Painter painter({{GL_VERTEX_SHADER, kVertex},
                           {GL_TESS_CONTROL_SHADER, kControl},
                           {GL_TESS_EVALUATION_SHADER, kEvaluation},
                           {GL_FRAGMENT_SHADER, kColour}});
    glPatchParameteri(GL_PATCH_VERTICES, 4);
    glEnable(GL_BLEND);
    glBlendFunc(GL_ONE, GL_ONE);
    glEnable(GL_CULL_FACE);
    std::vector<PaintVertex> corners;
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++) {
            const auto left = static_cast<float>(16 * x), low = static_cast<float>(16 * y);
            // Each patch is divided differently.
            const std::array<float, 4> v = {static_cast<float>(1 + 3 * x),
                                            static_cast<float>(1 + 2 * y), 0,
                                            static_cast<float>(x + 4 * y) / 15};
            for (const auto& corner : {at(left, low, v), at(left + 16, low, v),
                                       at(left + 16, low + 16, v), at(left, low + 16, v)})
                corners.push_back(corner);
        }
    paint(GL_PATCHES, corners);
    target.expect(
        [](int x, int y) {
            return Rgba{to_byte((x % 16 + 0.5) / 32), to_byte((y % 16 + 0.5) / 32),
                        to_byte((x / 16 + y / 16 * 4) / 30.0), 128};
        },
        1);
}

/// The places that a domain has points at, captured in point mode.
std::multiset<std::pair<int, int>> domain_points(const char* layout, const std::string& factors) {
    const std::string control = R"(#version 310 es
#extension GL_EXT_tessellation_shader : require
layout(vertices = 1) out;
void main() {
)" + factors + "}\n";
    const std::string evaluation = std::string(R"(#version 310 es
#extension GL_EXT_tessellation_shader : require
layout()") + layout + R"() in;
out vec2 place;
void main() {
    gl_Position = vec4(0);
    place = gl_TessCoord.xy;
}
)";
    const Painter painter({{GL_VERTEX_SHADER, kVertex},
                           {GL_TESS_CONTROL_SHADER, control.c_str()},
                           {GL_TESS_EVALUATION_SHADER, evaluation.c_str()},
                           {GL_FRAGMENT_SHADER, kNone}},
                          {"place"});
    glPatchParameteri(GL_PATCH_VERTICES, 1);
    Capture capture(2 * 600);
    const GLuint written = capture.run(GL_POINTS, [] { paint(GL_PATCHES, {at(0, 0)}); });
    const std::vector<float> values = capture.values();
    std::multiset<std::pair<int, int>> points;
    for (size_t i = 0; i < written; i++)
        points.insert({static_cast<int>(std::lround(values[2 * i] * 65536)),
                       static_cast<int>(std::lround(values[2 * i + 1] * 65536))});
    return points;
}

int part(int i, int of) {
    return static_cast<int>(std::lround(65536.0 * i / of));
}

TEST(Tessellation, PointsAreAtEqualDistances) {
    const Target target(64, 64);
    const auto quad = domain_points("quads, equal_spacing, point_mode", R"(
    gl_TessLevelOuter[0] = 8.0; gl_TessLevelOuter[1] = 8.0;
    gl_TessLevelOuter[2] = 8.0; gl_TessLevelOuter[3] = 7.5;
    gl_TessLevelInner[0] = 8.0; gl_TessLevelInner[1] = 8.0;
)");
    std::multiset<std::pair<int, int>> expected;
    for (int y = 0; y <= 8; y++)
        for (int x = 0; x <= 8; x++) expected.insert({part(x, 8), part(y, 8)});
    EXPECT_EQ(quad, expected);
}

TEST(Tessellation, IsolinesHaveAsManyLinesAndSegmentsAsAsked) {
    const Target target(64, 64);
    const auto lines = domain_points("isolines, equal_spacing, point_mode", R"(
    gl_TessLevelOuter[0] = 3.0; gl_TessLevelOuter[1] = 4.0;
)");
    std::multiset<std::pair<int, int>> expected;
    for (int line = 0; line < 3; line++)
        for (int x = 0; x <= 4; x++) expected.insert({part(x, 4), part(line, 3)});
    EXPECT_EQ(lines, expected);
}

TEST(Tessellation, FractionalSegmentsAreSymmetric) {
    const Target target(64, 64);
    for (const char* layout : {"triangles, fractional_odd_spacing, point_mode",
                               "triangles, fractional_even_spacing, point_mode"}) {
        const auto points = domain_points(layout, R"(
    gl_TessLevelOuter[0] = 5.3; gl_TessLevelOuter[1] = 5.3; gl_TessLevelOuter[2] = 5.3;
    gl_TessLevelInner[0] = 5.3;
)");
        std::multiset<int> edge, mirrored;
        for (const auto& [u, v] : points)
            if (u == 0) edge.insert(v), mirrored.insert(65536 - v);
        EXPECT_EQ(edge.size(), std::string(layout).find("odd") != std::string::npos ? 8u : 7u);
        EXPECT_EQ(edge, mirrored);
    }
}

// All stages at once: what is tessellated goes through a geometry shader.
constexpr char kShrink[] = R"(#version 310 es
#extension GL_EXT_geometry_shader : require
layout(triangles) in;
layout(points, max_vertices = 1) out;
in vec4 colour[];
out vec2 centre;
void main() {
    centre = (colour[0].xy + colour[1].xy + colour[2].xy) * 2.0 / 3.0;
    gl_Position = vec4(0);
    EmitVertex();
}
)";

TEST(Tessellation, TrianglesReachTheGeometryShader) {
    const Target target(64, 64);
    const Painter painter({{GL_VERTEX_SHADER, kVertex},
                           {GL_TESS_CONTROL_SHADER, kControl},
                           {GL_TESS_EVALUATION_SHADER, kEvaluation},
                           {GL_GEOMETRY_SHADER, kShrink},
                           {GL_FRAGMENT_SHADER, kNone}},
                          {"centre"});
    glPatchParameteri(GL_PATCH_VERTICES, 4);
    Capture capture(2 * 4);
    // Factors of 1: edges of 1, 2, 3 and 4 segments, and an inside of 1 and 2.
    const std::vector<PaintVertex> patch(4, at(0, 0, {1, 1, 0, 0}));
    const GLuint written = capture.run(GL_POINTS, [&] { paint(GL_PATCHES, patch); });
    // A single point in the middle: as many triangles as there are segments around it.
    EXPECT_EQ(written, 4u) << "there is no room for the other six";
    for (const float value : capture.values()) {
        EXPECT_GT(value, 0);
        EXPECT_LT(value, 1);
    }
}

}  // namespace
}  // namespace viaduct::gles
