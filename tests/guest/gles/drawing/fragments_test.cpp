// Operations on fragments: depth, stencil, discard, blending, masks, several targets, queries.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/guest/gles/context.h"
#include "tests/guest/gles/drawing/picture.h"

namespace viaduct::gles {
namespace {

constexpr Rgba kRed{255, 0, 0, 255}, kGreen{0, 255, 0, 255}, kBlue{0, 0, 255, 255};

/// The left part of a picture up to `x` (of -1 to 1), z from `left` to `right` over all of it.
void paint_slope(float x, float left, float right, const std::array<float, 4>& v) {
    const float z = left + (right - left) * (x + 1) / 2;
    const auto corner = [&](float at_x, float at_y, float at_z) {
        return PaintVertex{{at_x, at_y, at_z, 1}, {v[0], v[1], v[2], v[3]}};
    };
    paint(GL_TRIANGLE_STRIP,
          {corner(-1, -1, left), corner(x, -1, z), corner(-1, 1, left), corner(x, 1, z)});
}

class DepthFormats : public testing::TestWithParam<Target::Depth> {};

TEST_P(DepthFormats, TheNearerFragmentStays) {
    const Target target(64, 64, GetParam());
    const Painter painter(kValue);
    glEnable(GL_DEPTH_TEST);
    paint_all(0, {1, 0, 0, 1});
    paint_slope(1, -1, 1, {0, 1, 0, 1});  // nearer than 0 in the left half
    paint_all(0.5f, {0, 0, 1, 1});        // behind all of it
    target.expect([](int x, int) { return x < 32 ? kGreen : kRed; });
}

TEST_P(DepthFormats, WritesCanBeOff) {
    const Target target(64, 64, GetParam());
    const Painter painter(kValue);
    glEnable(GL_DEPTH_TEST);
    glDepthMask(GL_FALSE);
    paint_all(-0.5f, {1, 0, 0, 1});
    glDepthMask(GL_TRUE);
    paint_all(0.5f, {0, 1, 0, 1});
    target.expect([](int, int) { return kGreen; });
}

TEST_P(DepthFormats, ClearsAreCompared) {
    const Target target(64, 64, GetParam());
    const Painter painter(kValue);
    glEnable(GL_DEPTH_TEST);
    glEnable(GL_SCISSOR_TEST);
    glScissor(0, 0, 32, 64);
    glClearDepthf(0.25f);
    glClear(GL_DEPTH_BUFFER_BIT);
    glDisable(GL_SCISSOR_TEST);
    paint_all(0, {1, 0, 0, 1});  // a depth of 0.5
    target.expect([](int x, int) { return x < 32 ? Rgba{0, 0, 0, 0} : kRed; });
}

INSTANTIATE_TEST_SUITE_P(Fragments, DepthFormats,
                         testing::Values(Target::Depth::k24Stencil8, Target::Depth::k16,
                                         Target::Depth::k32Float));

TEST(Fragments, ShadersMayReplaceDepth) {
    const Target target(64, 64, Target::Depth::k24Stencil8);
    const Painter painter(R"(#version 310 es
precision highp float;
in vec4 v;
out vec4 colour;
void main() {
    gl_FragDepth = gl_FragCoord.y < 32.0 ? 0.25 : 0.75;
    colour = v;
}
)");
    const Painter plain(kValue);
    glEnable(GL_DEPTH_TEST);
    paint_all(0, {1, 0, 0, 1});
    painter.use();
    paint_all(0, {0, 1, 0, 1});
    target.expect([](int, int y) { return y < 32 ? kGreen : kRed; });
}

TEST(Fragments, DiscardedOnesLeaveNoDepth) {
    const Target target(64, 64, Target::Depth::k24Stencil8);
    const Painter holes(R"(#version 310 es
precision highp float;
in vec4 v;
out vec4 colour;
void main() {
    if ((int(gl_FragCoord.x) & 1) == 1) discard;
    colour = v;
}
)");
    glEnable(GL_DEPTH_TEST);
    paint_all(-0.5f, {1, 0, 0, 1});
    const Painter plain(kValue);
    paint_all(0, {0, 1, 0, 1});
    target.expect([](int x, int) { return x & 1 ? kGreen : kRed; });
}

TEST(Fragments, PolygonOffsetSeparatesCoplanarOnes) {
    const Target target(64, 64, Target::Depth::k24Stencil8);
    const Painter painter(kValue);
    glEnable(GL_DEPTH_TEST);
    paint_slope(1, -0.5f, 0.5f, {1, 0, 0, 1});
    glEnable(GL_POLYGON_OFFSET_FILL);
    glPolygonOffset(-1, -1);
    paint_slope(1, -0.5f, 0.5f, {0, 1, 0, 1});
    glPolygonOffset(1, 1);
    paint_slope(1, -0.5f, 0.5f, {0, 0, 1, 1});
    target.expect([](int, int) { return kGreen; });
}

TEST(Fragments, TheStencilCountsAndMasks) {
    const Target target(64, 64, Target::Depth::k24Stencil8);
    const Painter painter(kValue);
    glEnable(GL_STENCIL_TEST);
    glStencilOp(GL_KEEP, GL_KEEP, GL_INCR);
    glStencilFunc(GL_ALWAYS, 0, 0xff);
    paint_slope(0, 0, 0, {1, 0, 0, 1});
    paint_slope(0.5f, 0, 0, {1, 0, 0, 1});
    glStencilOp(GL_KEEP, GL_KEEP, GL_KEEP);
    glStencilFunc(GL_EQUAL, 2, 0xff);
    paint_all(0, {0, 1, 0, 1});
    glStencilFunc(GL_EQUAL, 0, 0xff);
    paint_all(0, {0, 0, 1, 1});
    target.expect([](int x, int) { return x < 32 ? kGreen : x < 48 ? kRed : kBlue; });
}

// Source over destination, in eight bits: each result may round either way.
TEST(Fragments, BlendingMixes) {
    const Target target(64, 64);
    const Painter painter(R"(#version 310 es
precision highp float;
out vec4 colour;
void main() { colour = vec4(1.0, 0.5, 0.0, gl_FragCoord.x / 64.0); }
)");
    glClearColor(0, 0.5f, 1, 1);
    glClear(GL_COLOR_BUFFER_BIT);
    glEnable(GL_BLEND);
    glBlendFuncSeparate(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA, GL_ONE, GL_ZERO);
    paint_all(0, {0, 0, 0, 0});
    target.expect(
        [](int x, int) {
            const double a = (x + 0.5) / 64;
            return Rgba{to_byte(a), 128, to_byte(1 - a), to_byte(a)};
        },
        1);
}

TEST(Fragments, BlendEquationsAndConstants) {
    const Painter painter(kValue);
    struct Case {
        GLenum equation, source, destination;
        Rgba expected;
    };
    // 0.75 over 0.5; the constant is 0.5.
    const Case cases[] = {
        {GL_FUNC_ADD, GL_ONE, GL_ONE, {255, 255, 255, 255}},
        {GL_FUNC_SUBTRACT, GL_ONE, GL_ONE, {64, 64, 64, 64}},
        {GL_FUNC_REVERSE_SUBTRACT, GL_ONE, GL_ONE, {0, 0, 0, 0}},
        {GL_MIN, GL_ONE, GL_ONE, {128, 128, 128, 128}},
        {GL_MAX, GL_ONE, GL_ONE, {191, 191, 191, 191}},
        {GL_FUNC_ADD, GL_CONSTANT_COLOR, GL_ZERO, {96, 96, 96, 96}},
        {GL_FUNC_ADD, GL_DST_COLOR, GL_ZERO, {96, 96, 96, 96}},
    };
    for (const Case& c : cases) {
        const Target target(16, 16);
        glClearColor(0.5f, 0.5f, 0.5f, 0.5f);
        glClear(GL_COLOR_BUFFER_BIT);
        glEnable(GL_BLEND);
        glBlendColor(0.5f, 0.5f, 0.5f, 0.5f);
        glBlendEquation(c.equation);
        glBlendFunc(c.source, c.destination);
        painter.use();
        paint_all(0, {0.75f, 0.75f, 0.75f, 0.75f});
        target.expect([&](int, int) { return c.expected; }, 1);
    }
}

TEST(Fragments, WriteMasksKeepChannels) {
    const Target target(64, 64);
    const Painter painter(kValue);
    paint_all(0, {1, 0, 1, 1});
    glColorMask(GL_FALSE, GL_TRUE, GL_FALSE, GL_TRUE);
    paint_all(0, {0.2f, 0.4f, 0.6f, 0.8f});
    target.expect([](int, int) { return Rgba{255, 102, 255, 204}; });
}

TEST(Fragments, DerivativesAreThoseOfTheQuad) {
    const Target target(64, 64);
    const Painter painter(R"(#version 310 es
precision highp float;
out vec4 colour;
void main() {
    float value = gl_FragCoord.x * 3.0 + gl_FragCoord.y * 5.0;
    colour = vec4(dFdx(value) / 15.0, dFdy(value) / 15.0, fwidth(value) / 15.0, 1.0);
}
)");
    // A thin triangle has many quads that it covers only in part.
    paint(GL_TRIANGLES, {{{-1, -1, 0, 1}, {}}, {{1, -0.8f, 0, 1}, {}}, {{-0.9f, 1, 0, 1}, {}}});
    const std::vector<uint8_t> pixels = target.read();
    int covered = 0;
    for (size_t i = 0; i < pixels.size(); i += 4) {
        if (pixels[i + 3] == 0) continue;
        covered++;
        EXPECT_NEAR(pixels[i], 51, 1);
        EXPECT_NEAR(pixels[i + 1], 85, 1);
        EXPECT_NEAR(pixels[i + 2], 136, 1);
    }
    EXPECT_GT(covered, 100);
}

TEST(Fragments, TwoTargetsAtOnce) {
    const Target target(32, 32);
    const Texture second(GL_RGBA8, 32, 32);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT1, GL_TEXTURE_2D, second.get(), 0);
    constexpr GLenum kBoth[] = {GL_COLOR_ATTACHMENT0, GL_COLOR_ATTACHMENT1};
    glDrawBuffers(2, kBoth);
    const Painter painter(R"(#version 310 es
precision highp float;
layout(location = 0) out vec4 one;
layout(location = 1) out vec4 two;
void main() {
    one = vec4(1, 0, 0, 1);
    two = vec4(0, 0, 1, 1);
}
)");
    paint_all(0, {0, 0, 0, 0});
    target.expect([](int, int) { return kRed; });
    glReadBuffer(GL_COLOR_ATTACHMENT1);
    target.expect([](int, int) { return kBlue; });
}

TEST(Fragments, QueriesSeeWhatPasses) {
    const Target target(64, 64, Target::Depth::k24Stencil8);
    const Painter painter(kValue);
    glEnable(GL_DEPTH_TEST);
    paint_all(0, {1, 0, 0, 1});
    GLuint queries[2];
    glGenQueries(2, queries);
    const auto passes = [&](GLuint query, float z) {
        glBeginQuery(GL_ANY_SAMPLES_PASSED, query);
        paint_all(z, {0, 1, 0, 1});
        glEndQuery(GL_ANY_SAMPLES_PASSED);
        GLuint result = 2;
        glGetQueryObjectuiv(query, GL_QUERY_RESULT, &result);
        return result;
    };
    EXPECT_EQ(passes(queries[0], 0.5f), 0U);
    EXPECT_EQ(passes(queries[1], -0.5f), 1U);
    glDeleteQueries(2, queries);
}

struct Format {
    GLenum format;
    const char* name;
    Rgba expected;
    int tolerance;
};

class Formats : public testing::TestWithParam<Format> {};

// 0.2, 0.4, 0.6, 0.8 in each format, as it comes back in eight bits.
TEST_P(Formats, StoreWhatIsDrawn) {
    const Target target(40, 40, Target::Depth::kNone, GetParam().format);
    const Painter painter(kValue);
    paint_all(0, {0.2f, 0.4f, 0.6f, 0.8f});
    target.expect([](int, int) { return GetParam().expected; }, GetParam().tolerance);
}

INSTANTIATE_TEST_SUITE_P(Fragments, Formats,
                         testing::Values(Format{GL_RGBA8, "rgba8", {51, 102, 153, 204}, 0},
                                         Format{GL_RGB565, "rgb565", {49, 101, 156, 255}, 1},
                                         Format{GL_RGBA4, "rgba4", {51, 102, 153, 204}, 0},
                                         Format{GL_RGB5_A1, "rgb5a1", {49, 99, 156, 255}, 1},
                                         Format{GL_RGB10_A2, "rgb10a2", {51, 102, 153, 170}, 0},
                                         Format{GL_R8, "r8", {51, 0, 0, 255}, 0},
                                         Format{GL_RG8, "rg8", {51, 102, 0, 255}, 0}),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace viaduct::gles
