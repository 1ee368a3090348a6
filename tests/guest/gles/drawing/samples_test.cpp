// Several samples per pixel: coverage, depth, shading and interpolation of each, and resolves.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/guest/gles/context.h"
#include "tests/guest/gles/drawing/picture.h"
#include "tests/guest/gles/drawing/sampled_target.h"

namespace viaduct::gles {
namespace {

// One sample of a multisampled texture.
constexpr char kOneSample[] = R"(#version 310 es
precision highp float;
precision highp sampler2DMS;
uniform sampler2DMS image;
uniform int number;
out vec4 colour;
void main() { colour = texelFetch(image, ivec2(gl_FragCoord.xy), number); }
)";

constexpr int kSize = 64;

/// The rectangle from x = -1 to `x` pixels from the left.
void paint_left_of(float x, float z, const std::array<float, 4>& v) {
    const float right = x / (kSize / 2) - 1;
    const auto corner = [&](float at_x, float at_y) {
        return PaintVertex{{at_x, at_y, z, 1}, {v[0], v[1], v[2], v[3]}};
    };
    paint(GL_TRIANGLE_STRIP, {corner(-1, -1), corner(right, -1), corner(-1, 1), corner(right, 1)});
}

/// How many samples of a pixel lie to the left of `x`, counted from the pixel's left edge.
int samples_left_of(const SampledTarget& target, float x) {
    int count = 0;
    for (int s = 0; s < target.samples(); s++) count += target.place(s).x < x ? 1 : 0;
    return count;
}

class Samples : public testing::TestWithParam<int> {
  protected:
    /// Draws sample `number` of `from` into what is bound.
    static void show_sample(const SampledTarget& from, int number) {
        const Painter painter(kOneSample);
        glActiveTexture(GL_TEXTURE0);
        glBindTexture(GL_TEXTURE_2D_MULTISAMPLE, from.texture());
        glUniform1i(painter.uniform("image"), 0);
        glUniform1i(painter.uniform("number"), number);
        paint_all(0, {0, 0, 0, 0});
    }
};

TEST_P(Samples, AreCoveredEachByItself) {
    const Target picture(kSize, kSize);
    for (const float edge : {20.25f, 20.4375f, 20.6875f}) {
        SampledTarget target(kSize, kSize, GetParam());
        {
            const Painter painter(kValue);
            paint_left_of(edge, 0, {1, 1, 1, 1});
        }
        const int covered = samples_left_of(target, edge - 20);
        target.resolve_to(picture);
        const int mixed = to_byte(static_cast<double>(covered) / GetParam());
        picture.expect(
            [&](int x, int) {
                const int value = x < 20 ? 255 : x > 20 ? 0 : mixed;
                return Rgba{value, value, value, value};
            },
            1);
    }
}

TEST_P(Samples, AreReadByNumber) {
    SampledTarget target(kSize, kSize, GetParam());
    {
        const Painter painter(kValue);
        paint_left_of(20.4375f, 0, {0, 1, 0, 1});
    }
    for (int s = 0; s < GetParam(); s++) {
        const Target picture(kSize, kSize);
        show_sample(target, s);
        const float place = target.place(s).x;
        picture.expect([&](int x, int) {
            const bool inside = static_cast<float>(x) + place < 20.4375f;
            return inside ? Rgba{0, 255, 0, 255} : Rgba{0, 0, 0, 0};
        });
    }
}

TEST_P(Samples, AreShadedEachByItself) {
    SampledTarget target(kSize, kSize, GetParam());
    {
        const Painter painter(R"(#version 310 es
#extension GL_OES_sample_variables : require
precision highp float;
in vec4 v;
out vec4 colour;
void main() { colour = vec4(float(gl_SampleID) / 10.0, gl_SamplePosition, 1.0); }
)");
        paint_all(0, {0, 0, 0, 0});
    }
    for (int s = 0; s < GetParam(); s++) {
        const Target picture(kSize, kSize);
        show_sample(target, s);
        const Rgba want{to_byte(s / 10.0), to_byte(target.place(s).x), to_byte(target.place(s).y),
                        255};
        picture.expect([&](int, int) { return want; }, 1);
    }
}

TEST_P(Samples, AreInterpolatedWhereTheyLie) {
    SampledTarget target(kSize, kSize, GetParam());
    {
        const Painter painter(R"(#version 320 es
in vec4 position;
in vec4 value;
sample out vec4 v;
void main() { gl_Position = position; v = vec4(position.xy * 0.5 + 0.5, 0, 1); }
)",
                              R"(#version 320 es
precision highp float;
sample in vec4 v;
out vec4 colour;
void main() { colour = vec4(fract(v.xy * 64.0), 0, 1); }
)");
        paint_all(0, {0, 0, 0, 0});
    }
    for (int s = 0; s < GetParam(); s++) {
        const Target picture(kSize, kSize);
        show_sample(target, s);
        const Rgba want{to_byte(target.place(s).x), to_byte(target.place(s).y), 0, 255};
        picture.expect([&](int, int) { return want; }, 1);
    }
}

// Where a pixel's centre is outside, extrapolation would leave the range of the corners.
TEST_P(Samples, CentroidsAreInside) {
    SampledTarget target(kSize, kSize, GetParam());
    {
        const Painter painter(R"(#version 310 es
in vec4 position;
in vec4 value;
centroid out vec4 v;
void main() { gl_Position = position; v = vec4(position.x); }
)",
                              R"(#version 310 es
precision highp float;
centroid in vec4 v;
out vec4 colour;
uniform float edge;
void main() { colour = v.x <= edge ? vec4(0, 1, 0, 1) : vec4(1, 0, 0, 1); }
)");
        glUniform1f(painter.uniform("edge"), 20.4375f / (kSize / 2) - 1);
        paint_left_of(20.4375f, 0, {});
    }
    for (int s = 0; s < GetParam(); s++) {
        const Target picture(kSize, kSize);
        show_sample(target, s);
        const float place = target.place(s).x;
        picture.expect([&](int x, int) {
            const bool inside = static_cast<float>(x) + place < 20.4375f;
            return inside ? Rgba{0, 255, 0, 255} : Rgba{0, 0, 0, 0};
        });
    }
}

TEST_P(Samples, HaveDepthsOfTheirOwn) {
    SampledTarget target(kSize, kSize, GetParam(), SampledTarget::Depth::k24Stencil8);
    {
        const Painter painter(kValue);
        glEnable(GL_DEPTH_TEST);
        paint_left_of(20.4375f, 0, {1, 0, 0, 1});
        paint_all(0.5f, {0, 1, 0, 1});
    }
    for (int s = 0; s < GetParam(); s++) {
        const Target picture(kSize, kSize);
        show_sample(target, s);
        const float place = target.place(s).x;
        picture.expect([&](int x, int) {
            const bool nearer = static_cast<float>(x) + place < 20.4375f;
            return nearer ? Rgba{255, 0, 0, 255} : Rgba{0, 255, 0, 255};
        });
    }
}

TEST_P(Samples, AMaskChoosesThem) {
    SampledTarget target(kSize, kSize, GetParam());
    {
        const Painter painter(kValue);
        glEnable(GL_SAMPLE_MASK);
        glSampleMaski(0, 2);
        paint_all(0, {0, 0, 1, 1});
        glDisable(GL_SAMPLE_MASK);
    }
    for (int s = 0; s < GetParam(); s++) {
        const Target picture(kSize, kSize);
        show_sample(target, s);
        picture.expect([&](int, int) { return s == 1 ? Rgba{0, 0, 255, 255} : Rgba{0, 0, 0, 0}; });
    }
}

TEST_P(Samples, AShadersMaskChoosesThem) {
    SampledTarget target(kSize, kSize, GetParam());
    {
        const Painter painter(R"(#version 310 es
#extension GL_OES_sample_variables : require
precision highp float;
in vec4 v;
out vec4 colour;
void main() {
    gl_SampleMask[0] = gl_FragCoord.x < 32.0 ? 1 : 2;
    colour = v;
}
)");
        paint_all(0, {0, 0, 1, 1});
    }
    for (int s = 0; s < 2; s++) {
        const Target picture(kSize, kSize);
        show_sample(target, s);
        picture.expect([&](int x, int) {
            return (x < 32) == (s == 0) ? Rgba{0, 0, 255, 255} : Rgba{0, 0, 0, 0};
        });
    }
}

// Which samples stand for an alpha between 0 and 1 is the implementation's.
TEST_P(Samples, AlphaBecomesCoverage) {
    const Target picture(kSize, kSize);
    for (const float alpha : {0.0f, 0.5f, 1.0f}) {
        SampledTarget target(kSize, kSize, GetParam());
        {
            const Painter painter(kValue);
            glEnable(GL_SAMPLE_ALPHA_TO_COVERAGE);
            paint_all(0, {1, 1, 1, alpha});
            glDisable(GL_SAMPLE_ALPHA_TO_COVERAGE);
        }
        target.resolve_to(picture);
        const int red = to_byte(alpha), step = 255 / GetParam() + 1;
        picture.expect(
            [&](int, int) {
                return Rgba{red, red, red, to_byte(alpha * alpha)};
            },
            alpha == 0.5f ? step : 0);
    }
}

// Drivers clear metadata alone, to colours that it has codes for and others.
TEST_P(Samples, ClearsAreSeenInEach) {
    constexpr int kLarge = 200;
    const Target picture(kLarge, kLarge);
    for (const std::array<float, 4>& clear :
         {std::array<float, 4>{0, 0, 0, 1}, {1, 1, 1, 1}, {0.2f, 0.4f, 0.6f, 0.8f}}) {
        SampledTarget target(kLarge, kLarge, GetParam());
        glClearColor(clear[0], clear[1], clear[2], clear[3]);
        glClear(GL_COLOR_BUFFER_BIT);
        {
            const Painter painter(kValue);
            glEnable(GL_SCISSOR_TEST);
            glScissor(100, 100, 50, 50);
            paint_all(0, {1, 0, 0, 1});
            glDisable(GL_SCISSOR_TEST);
        }
        target.resolve_to(picture);
        const Rgba outside{to_byte(clear[0]), to_byte(clear[1]), to_byte(clear[2]),
                           to_byte(clear[3])};
        picture.expect([&](int x, int y) {
            const bool inside = x >= 100 && x < 150 && y >= 100 && y < 150;
            return inside ? Rgba{255, 0, 0, 255} : outside;
        });
    }
}

INSTANTIATE_TEST_SUITE_P(Drawing, Samples, testing::Values(2, 4, 8));

}  // namespace
}  // namespace viaduct::gles
