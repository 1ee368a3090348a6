// Texture lookups: filters, levels, wrapping, arrays, cubes, comparison, storing to images.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "tests/guest/gles/context.h"
#include "tests/guest/gles/drawing/picture.h"

namespace viaduct::gles {
namespace {

/// A fragment shader around one expression for the colour; `c` is the pixel's place from 0 to 1.
std::string shader(const std::string& declarations, const std::string& expression) {
    return "#version 310 es\n"
           "precision highp float; precision highp sampler2D; precision highp sampler3D;\n"
           "precision highp sampler2DArray; precision highp samplerCube;\n"
           "precision highp sampler2DShadow; precision highp usampler2D;\n" +
           declarations +
           "\nuniform vec2 size; out vec4 colour;\n"
           "void main() { vec2 c = gl_FragCoord.xy / size; colour = " +
           expression + "; }\n";
}

/// Draws `expression` over all of `target`, with `texture` bound if there is one.
void paint_expression(const Target& target, const Texture* texture, const std::string& declarations,
                      const std::string& expression) {
    if (texture != nullptr) glBindTexture(GL_TEXTURE_2D, texture->get());
    const std::string source = shader(declarations, expression);
    const Painter painter(source.c_str());
    glUniform2f(painter.uniform("size"), static_cast<float>(target.width()),
                static_cast<float>(target.height()));
    paint_all(0, {0, 0, 0, 0});
}

/// A texel whose colour encodes its place and level.
Rgba texel(int x, int y, int level = 0) {
    return {x * 16 % 256, y * 16 % 256, level * 40 + 7, 255};
}

std::vector<uint8_t> texels(int width, int height, int level = 0) {
    std::vector<uint8_t> pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int component : texel(x, y, level))
                pixels.push_back(static_cast<uint8_t>(component));
    return pixels;
}

constexpr char kSampler[] = "uniform sampler2D t;";

TEST(Textures, NearestTexels) {
    const Texture texture(GL_RGBA8, 16, 16);
    texture.fill(0, GL_RGBA, GL_UNSIGNED_BYTE, texels(16, 16).data());
    const Target target(64, 64);
    paint_expression(target, &texture, kSampler, "texture(t, c)");
    target.expect([](int x, int y) { return texel(x / 4, y / 4); });
}

// Eight bits of filter weight and rounding: two steps at most.
TEST(Textures, LinearFiltersMixFourTexels) {
    const Texture texture(GL_RGBA8, 16, 16);
    texture.fill(0, GL_RGBA, GL_UNSIGNED_BYTE, texels(16, 16).data());
    texture.set(GL_TEXTURE_MAG_FILTER, GL_LINEAR);
    texture.set(GL_TEXTURE_WRAP_S, GL_CLAMP_TO_EDGE);
    texture.set(GL_TEXTURE_WRAP_T, GL_CLAMP_TO_EDGE);
    const Target target(64, 64);
    paint_expression(target, &texture, kSampler, "texture(t, c)");
    const auto mixed = [](int at) {
        const double place = (at + 0.5) / 4 - 0.5;
        return static_cast<int>(std::lround(std::min(std::max(place, 0.0), 15.0) * 16));
    };
    target.expect([&](int x, int y) { return Rgba{mixed(x), mixed(y), 7, 255}; }, 2);
}

TEST(Textures, CoordinatesWrap) {
    const Texture texture(GL_RGBA8, 8, 8);
    texture.fill(0, GL_RGBA, GL_UNSIGNED_BYTE, texels(8, 8).data());
    texture.set(GL_TEXTURE_WRAP_S, GL_REPEAT);
    texture.set(GL_TEXTURE_WRAP_T, GL_MIRRORED_REPEAT);
    const Target target(32, 32);
    paint_expression(target, &texture, kSampler, "texture(t, c * 4.0 - 1.0)");
    target.expect([](int x, int y) {
        const int row = (y + 24) % 16;
        return texel(x % 8, row < 8 ? row : 15 - row);
    });
}

TEST(Textures, BordersHaveTheirColour) {
    const Texture texture(GL_RGBA8, 8, 8);
    texture.fill(0, GL_RGBA, GL_UNSIGNED_BYTE, texels(8, 8).data());
    constexpr GLenum kClampToBorder = 0x812d, kBorderColour = 0x1004;
    texture.set(GL_TEXTURE_WRAP_S, kClampToBorder);
    texture.set(GL_TEXTURE_WRAP_T, kClampToBorder);
    constexpr float kColour[] = {0.2f, 0.4f, 0.6f, 0.8f};
    glTexParameterfv(GL_TEXTURE_2D, kBorderColour, kColour);
    if (glGetError() != GL_NO_ERROR) GTEST_SKIP() << "no GL_EXT_texture_border_clamp";
    const Target target(32, 32);
    paint_expression(target, &texture, kSampler, "texture(t, c * 2.0 - 0.5)");
    target.expect([](int x, int y) {
        if (x < 8 || x >= 24 || y < 8 || y >= 24) return Rgba{51, 102, 153, 204};
        return texel((x - 8) / 2, (y - 8) / 2);
    });
}

class MipLevels : public testing::Test {
  protected:
    // Not square, not a power of two: levels are 100x60, 50x30, 25x15, 12x7, 6x3, 3x1, 1x1.
    static constexpr int kWidth = 100, kHeight = 60, kLevels = 7;

    MipLevels() : texture_(GL_RGBA8, kWidth, kHeight, kLevels) {
        for (int level = 0; level < kLevels; level++)
            texture_.fill(level, GL_RGBA, GL_UNSIGNED_BYTE,
                          texels(width(level), height(level), level).data());
        texture_.set(GL_TEXTURE_MIN_FILTER, GL_NEAREST_MIPMAP_NEAREST);
    }
    static int width(int level) { return std::max(kWidth >> level, 1); }
    static int height(int level) { return std::max(kHeight >> level, 1); }

    Texture texture_;
};

TEST_F(MipLevels, EachTexelOfEachLevel) {
    for (int level = 0; level < kLevels; level++) {
        const Target target(width(level), height(level));
        paint_expression(target, &texture_, kSampler,
                         "texelFetch(t, ivec2(gl_FragCoord.xy), " + std::to_string(level) + ")");
        target.expect([&](int x, int y) { return texel(x, y, level); });
    }
}

TEST_F(MipLevels, ExplicitLevels) {
    const Target target(32, 32);
    paint_expression(target, &texture_, kSampler, "textureLod(t, c, floor(c.x * 6.0))");
    target.expect([](int x, int y) {
        const int level = static_cast<int>((x + 0.5) / 32 * 6);
        return texel(static_cast<int>((x + 0.5) / 32 * width(level)),
                     static_cast<int>((y + 0.5) / 32 * height(level)), level);
    });
}

TEST_F(MipLevels, DerivativesChooseTheLevel) {
    for (int level = 0; level < 4; level++) {
        // As many pixels as the level has texels.
        const Target target(kWidth >> level, kHeight >> level);
        paint_expression(target, &texture_, kSampler, "texture(t, c)");
        target.expect([&](int x, int y) { return texel(x, y, level); });
    }
}

TEST_F(MipLevels, LevelsAreMixed) {
    texture_.set(GL_TEXTURE_MIN_FILTER, GL_NEAREST_MIPMAP_LINEAR);
    const Target target(32, 8);
    paint_expression(target, &texture_, kSampler, "vec4(textureLod(t, c, c.x * 4.0).b, 0, 0, 1)");
    target.expect(
        [](int x, int) {
            return Rgba{7 + static_cast<int>(std::lround((x + 0.5) / 32 * 4 * 40)), 0, 0, 255};
        },
        1);
}

TEST(Textures, SlicesOfArraysAndVolumes) {
    for (const GLenum kind : {GL_TEXTURE_2D_ARRAY, GL_TEXTURE_3D}) {
        GLuint name = 0;
        glGenTextures(1, &name);
        glBindTexture(kind, name);
        glTexStorage3D(kind, 1, GL_RGBA8, 16, 12, 8);
        glTexParameteri(kind, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
        glTexParameteri(kind, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
        for (int z = 0; z < 8; z++)
            glTexSubImage3D(kind, 0, 0, 0, z, 16, 12, 1, GL_RGBA, GL_UNSIGNED_BYTE,
                            texels(16, 12, z % 6).data());
        const Target target(16, 12 * 8);
        const bool array = kind == GL_TEXTURE_2D_ARRAY;
        paint_expression(target, nullptr,
                         array ? "uniform sampler2DArray t;" : "uniform sampler3D t;",
                         std::string("texture(t, vec3(c.x, fract(c.y * 8.0), ") +
                             (array ? "floor(c.y * 8.0)))" : "c.y))"));
        target.expect([](int x, int y) { return texel(x, y % 12, y / 12 % 6); });
        glDeleteTextures(1, &name);
        check_gl("a texture with slices");
    }
}

TEST(Textures, CubesHaveSixFaces) {
    GLuint name = 0;
    glGenTextures(1, &name);
    glBindTexture(GL_TEXTURE_CUBE_MAP, name);
    glTexStorage2D(GL_TEXTURE_CUBE_MAP, 1, GL_RGBA8, 8, 8);
    glTexParameteri(GL_TEXTURE_CUBE_MAP, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_CUBE_MAP, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    for (int face = 0; face < 6; face++)
        glTexSubImage2D(GL_TEXTURE_CUBE_MAP_POSITIVE_X + static_cast<GLenum>(face), 0, 0, 0, 8, 8,
                        GL_RGBA, GL_UNSIGNED_BYTE, texels(8, 8, face).data());
    const Target target(48, 8);
    paint_expression(target, nullptr, R"(uniform samplerCube t;
vec3 direction(vec2 c) {
    int face = int(c.x * 6.0);
    vec2 p = vec2(fract(c.x * 6.0), c.y) * 2.0 - 1.0;
    if (face == 0) return vec3(1, -p.y, -p.x);
    if (face == 1) return vec3(-1, -p.y, p.x);
    if (face == 2) return vec3(p.x, 1, p.y);
    if (face == 3) return vec3(p.x, -1, -p.y);
    if (face == 4) return vec3(p.x, -p.y, 1);
    return vec3(-p.x, -p.y, -1);
})",
                     "textureLod(t, direction(c), 0.0)");
    target.expect([](int x, int y) { return texel(x % 8, y, x / 8); });
    glDeleteTextures(1, &name);
}

TEST(Textures, DepthTexturesCompare) {
    const Texture texture(GL_DEPTH_COMPONENT32F, 8, 8);
    std::vector<float> depths;
    for (int i = 0; i < 64; i++) depths.push_back(static_cast<float>(i % 8) / 8);
    texture.fill(0, GL_DEPTH_COMPONENT, GL_FLOAT, depths.data());
    texture.set(GL_TEXTURE_COMPARE_MODE, GL_COMPARE_REF_TO_TEXTURE);
    texture.set(GL_TEXTURE_COMPARE_FUNC, GL_LEQUAL);
    const Target target(32, 32);
    paint_expression(target, &texture, "uniform sampler2DShadow t;",
                     "vec4(textureLod(t, vec3(c, 0.4), 0.0), 0, 0, 1)");
    target.expect([](int x, int) { return Rgba{0.4 <= x / 4 / 8.0 ? 255 : 0, 0, 0, 255}; });
}

TEST(Textures, GathersTakeFourTexels) {
    const Texture texture(GL_RGBA8, 8, 8);
    texture.fill(0, GL_RGBA, GL_UNSIGNED_BYTE, texels(8, 8).data());
    const Target target(6, 6);
    // Between texels (x, y) and (x + 1, y + 1).
    paint_expression(target, &texture, kSampler,
                     "textureGather(t, (gl_FragCoord.xy + 0.5) / 8.0, 0) - vec4(0, 0, 0, 0)");
    target.expect([](int x, int y) {
        return Rgba{texel(x, y + 1)[0], texel(x + 1, y + 1)[0], texel(x + 1, y)[0], texel(x, y)[0]};
    });
}

TEST(Textures, IntegersAndOffsets) {
    const Texture texture(GL_RGBA8UI, 16, 16);
    texture.fill(0, GL_RGBA_INTEGER, GL_UNSIGNED_BYTE, texels(16, 16).data());
    const Target target(16, 16);
    paint_expression(target, &texture, "uniform usampler2D t;",
                     "vec4(texelFetchOffset(t, ivec2(gl_FragCoord.xy) - 3, 0, ivec2(3))) / 255.0");
    target.expect([](int x, int y) { return texel(x, y); });
}

TEST(Textures, SrgbTexelsAreLinearInShaders) {
    const Texture texture(GL_SRGB8_ALPHA8, 16, 16);
    std::vector<uint8_t> pixels;
    for (int i = 0; i < 256; i++)
        for (int c = 0; c < 4; c++) pixels.push_back(static_cast<uint8_t>(i));
    texture.fill(0, GL_RGBA, GL_UNSIGNED_BYTE, pixels.data());
    const Target target(16, 16);
    paint_expression(target, &texture, kSampler, "texture(t, c)");
    target.expect(
        [](int x, int y) {
            const int stored = y * 16 + x;
            const double s = stored / 255.0;
            const int linear =
                to_byte(s <= 0.04045 ? s / 12.92 : std::pow((s + 0.055) / 1.055, 2.4));
            return Rgba{linear, linear, linear, stored};
        },
        1);
}

// One draw samples the result of another.
TEST(Textures, PicturesAreTexturesToo) {
    const Texture drawn(GL_RGBA8, 37, 53);
    const Target target(37, 53);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, drawn.get(), 0);
    paint_expression(target, nullptr, "", "vec4(floor(gl_FragCoord.xy) * 4.0 / 255.0, 0, 1)");
    const Target second(37, 53);
    paint_expression(second, &drawn, kSampler, "texture(t, c).yxzw");
    second.expect([](int x, int y) { return Rgba{y * 4, x * 4, 0, 255}; });
}

TEST(Textures, MipmapsAreMade) {
    const Texture texture(GL_RGBA8, 64, 64, 7);
    std::vector<uint8_t> pixels(64 * 64 * 4);
    for (size_t i = 0; i < pixels.size(); i++)
        pixels[i] = static_cast<uint8_t>(i / 4 % 2 == i / 4 / 64 % 2 ? 200 : 100);
    texture.fill(0, GL_RGBA, GL_UNSIGNED_BYTE, pixels.data());
    glGenerateMipmap(GL_TEXTURE_2D);
    check_gl("glGenerateMipmap");
    texture.set(GL_TEXTURE_MIN_FILTER, GL_NEAREST_MIPMAP_NEAREST);
    const Target target(64, 64);
    paint_expression(target, &texture, kSampler, "textureLod(t, c, 3.0)");
    target.expect([](int, int) { return Rgba{150, 150, 150, 150}; }, 1);
}

}  // namespace
}  // namespace viaduct::gles
