// Clears of pictures so large that drivers clear metadata alone, and what reads them afterwards.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/guest/gles/context.h"
#include "tests/guest/gles/drawing/picture.h"

namespace viaduct::gles {
namespace {

constexpr char kTexture[] = R"(#version 310 es
precision highp float;
uniform sampler2D image;
out vec4 colour;
void main() { colour = texelFetch(image, ivec2(gl_FragCoord.xy), 0); }
)";

// Just above 512x512: drivers draw the clears of smaller pictures.
constexpr int kWidth = 519, kHeight = 509;

// A part of the picture, and a smaller one inside of it.
constexpr int kPartRight = 200, kPartTop = 100;
bool in_part(int x, int y) {
    return x < kPartRight && y < kPartTop;
}
bool inside(int x, int y) {
    return x >= 100 && x < 151 && y >= 37 && y < 90;
}

void paint_part(const std::array<float, 4>& value, float z = 0) {
    glEnable(GL_SCISSOR_TEST);
    glScissor(0, 0, kPartRight, kPartTop);
    paint_all(z, value);
    glDisable(GL_SCISSOR_TEST);
}

void paint_inside(const std::array<float, 4>& value, float z = 0) {
    glEnable(GL_SCISSOR_TEST);
    glScissor(100, 37, 51, 53);
    paint_all(z, value);
    glDisable(GL_SCISSOR_TEST);
}

class ColourClears : public testing::TestWithParam<std::array<float, 4>> {
  protected:
    Rgba cleared() const {
        const auto& c = GetParam();
        return {to_byte(c[0]), to_byte(c[1]), to_byte(c[2]), to_byte(c[3])};
    }
    void clear() const {
        const auto& c = GetParam();
        glClearColor(c[0], c[1], c[2], c[3]);
        glClear(GL_COLOR_BUFFER_BIT);
    }
};

TEST_P(ColourClears, AreDrawnOver) {
    const Target target(kWidth, kHeight);
    const Painter painter(kValue);
    clear();
    paint_inside({1, 0, 0, 1});
    target.expect([&](int x, int y) { return inside(x, y) ? Rgba{255, 0, 0, 255} : cleared(); });
}

TEST_P(ColourClears, AreBlendedWith) {
    const Target target(kWidth, kHeight);
    const Painter painter(kValue);
    clear();
    glEnable(GL_BLEND);
    glBlendFunc(GL_ONE, GL_ONE);
    paint_part({0.2f, 0.2f, 0.2f, 0.2f});
    target.expect(
        [&](int x, int y) {
            Rgba sum = cleared();
            if (!in_part(x, y)) return sum;
            for (int& component : sum) component = std::min(component + 51, 255);
            return sum;
        },
        1);
}

TEST_P(ColourClears, AreTexels) {
    Texture image(GL_RGBA8, kWidth, kHeight);
    GLuint framebuffer = 0;
    glGenFramebuffers(1, &framebuffer);
    {
        const Painter painter(kValue);
        glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
        glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, image.get(), 0);
        glViewport(0, 0, kWidth, kHeight);
        clear();
        paint_inside({0, 1, 0, 1});
    }
    const Target target(kWidth, kHeight);
    const Painter painter(kTexture);
    glActiveTexture(GL_TEXTURE0);
    glBindTexture(GL_TEXTURE_2D, image.get());
    glUniform1i(painter.uniform("image"), 0);
    paint_all(0, {0, 0, 0, 0});
    target.expect([&](int x, int y) { return inside(x, y) ? Rgba{0, 255, 0, 255} : cleared(); });
    glDeleteFramebuffers(1, &framebuffer);
}

INSTANTIATE_TEST_SUITE_P(Clears, ColourClears,
                         testing::Values(std::array<float, 4>{0, 0, 0, 0},
                                         std::array<float, 4>{0, 0, 0, 1},
                                         std::array<float, 4>{1, 1, 1, 0},
                                         std::array<float, 4>{1, 1, 1, 1},
                                         std::array<float, 4>{0.2f, 0.4f, 0.6f, 0.8f}));

class DepthClears : public testing::TestWithParam<Target::Depth> {};

TEST_P(DepthClears, AreComparedWith) {
    const Target target(kWidth, kHeight, GetParam());
    const Painter painter(kValue);
    glEnable(GL_DEPTH_TEST);
    for (const float depth : {1.0f, 0.0f, 0.25f}) {
        glClearColor(0, 0, 0, 0);
        glClearDepthf(depth);
        glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT);
        glDepthFunc(GL_GREATER);
        paint_part({1, 0, 0, 1});  // a depth of 0.5
        glDepthFunc(GL_LESS);
        paint_inside({0, 1, 0, 1}, -0.25f);  // 0.375
        const bool behind = depth<0.5f, before = depth> 0.375f || behind;
        target.expect([&](int x, int y) {
            if (inside(x, y) && before) return Rgba{0, 255, 0, 255};
            return behind && in_part(x, y) ? Rgba{255, 0, 0, 255} : Rgba{0, 0, 0, 0};
        });
    }
}

INSTANTIATE_TEST_SUITE_P(Clears, DepthClears,
                         testing::Values(Target::Depth::k24Stencil8, Target::Depth::k16,
                                         Target::Depth::k32Float));

TEST(StencilClears, AreComparedWith) {
    const Target target(kWidth, kHeight, Target::Depth::k24Stencil8);
    const Painter painter(kValue);
    for (const GLint value : {0, 5}) {
        glClearStencil(value);
        glClear(GL_COLOR_BUFFER_BIT | GL_STENCIL_BUFFER_BIT);
        glEnable(GL_STENCIL_TEST);
        glStencilFunc(GL_EQUAL, value, 0xff);
        glStencilOp(GL_KEEP, GL_KEEP, GL_INCR);
        paint_inside({1, 0, 0, 1});
        paint_part({0, 0, 1, 1});
        glStencilFunc(GL_EQUAL, value + 2, 0xff);
        paint_part({0, 1, 0, 1});
        glDisable(GL_STENCIL_TEST);
        target.expect([&](int x, int y) {
            if (inside(x, y)) return Rgba{255, 0, 0, 255};
            return in_part(x, y) ? Rgba{0, 0, 255, 255} : Rgba{0, 0, 0, 0};
        });
    }
}

// Depth that was cleared and partly drawn is read as a texture.
TEST(DepthTextures, AreReadAfterClears) {
    for (const float depth : {1.0f, 0.0f, 0.75f}) {
        Texture image(GL_DEPTH_COMPONENT32F, kWidth, kHeight);
        GLuint framebuffer = 0;
        glGenFramebuffers(1, &framebuffer);
        {
            const Painter painter(kValue);
            glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
            glFramebufferTexture2D(GL_FRAMEBUFFER, GL_DEPTH_ATTACHMENT, GL_TEXTURE_2D, image.get(),
                                   0);
            glViewport(0, 0, kWidth, kHeight);
            glClearDepthf(depth);
            glClear(GL_DEPTH_BUFFER_BIT);
            glEnable(GL_DEPTH_TEST);
            glDepthFunc(GL_ALWAYS);
            paint_inside({0, 0, 0, 0}, -0.2f);  // a depth of 0.4
            glDisable(GL_DEPTH_TEST);
        }
        const Target target(kWidth, kHeight);
        const Painter painter(kTexture);
        glActiveTexture(GL_TEXTURE0);
        glBindTexture(GL_TEXTURE_2D, image.get());
        glUniform1i(painter.uniform("image"), 0);
        paint_all(0, {0, 0, 0, 0});
        target.expect(
            [&](int x, int y) {
                return Rgba{to_byte(inside(x, y) ? 0.4 : depth), 0, 0, 255};
            },
            1);
        glDeleteFramebuffers(1, &framebuffer);
    }
}

TEST(Blending, MayHaveASecondSource) {
    const Target target(64, 64);
    const Painter painter(R"(#version 310 es
#extension GL_EXT_blend_func_extended : require
precision highp float;
in vec4 v;
layout(location = 0, index = 0) out vec4 colour;
layout(location = 0, index = 1) out vec4 second;
void main() {
    colour = v;
    second = vec4(0.5, 0.25, 0.75, 0.5);
}
)");
    glClearColor(1, 1, 0, 1);
    glClear(GL_COLOR_BUFFER_BIT);
    glEnable(GL_BLEND);
    constexpr GLenum kSecondColour = 0x88F9, kOneMinusSecondColour = 0x88FA;  // GL_SRC1_COLOR_EXT
    glBlendFunc(kSecondColour, kOneMinusSecondColour);
    paint_all(0, {1, 0, 1, 1});
    target.expect([](int, int) { return Rgba{255, to_byte(0.75), to_byte(0.75), 255}; }, 1);
}

}  // namespace
}  // namespace viaduct::gles
