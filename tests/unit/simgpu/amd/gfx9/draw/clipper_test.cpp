// Clipping of triangles, lines and points.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "simgpu/amd/gfx9/draw/clipper.h"

namespace simgpu::gfx9::draw {
namespace {

class Clip : public testing::Test {
  protected:
    Clip() {
        state_.enabled = true;
        primitive_.vertex = {&vertex_[0], &vertex_[1], &vertex_[2]};
        set(0, 0, 0, 0, 1);
        set(1, 1, 0, 0, 1);
        set(2, 0, 1, 0, 1);
    }
    void set(unsigned i, float x, float y, float z, float w) {
        vertex_[i].position[0] = x;
        vertex_[i].position[1] = y;
        vertex_[i].position[2] = z;
        vertex_[i].position[3] = w;
    }
    ClippedShape clipped() { return clip(primitive_, state_); }

    Vertex vertex_[3];
    Primitive primitive_;
    ClipState state_;
};

TEST_F(Clip, WhatIsInsideStays) {
    const ClippedShape shape = clipped();
    ASSERT_EQ(shape.size(), 3u);
    EXPECT_EQ(shape[1].weight[0], 1);
    EXPECT_EQ(shape[1].weight[1], 0);
    EXPECT_EQ(shape[2].weight[1], 1);
}

TEST_F(Clip, TheNearPlaneCutsACornerOff) {
    set(2, 0, 1, -3, 1);  // z = -w lies half way from corner 0, at z = 0... a third
    const ClippedShape shape = clipped();
    ASSERT_EQ(shape.size(), 4u);
    for (unsigned i = 0; i < 4; i++) EXPECT_GE(shape[i].position[2], -1 - 1e-6f);
    // The cut from corner 1 to corner 2 is a third of the way.
    EXPECT_NEAR(shape[2].weight[1], 1 / 3.0f, 1e-6f);
    EXPECT_NEAR(shape[2].weight[0], 2 / 3.0f, 1e-6f);
    EXPECT_NEAR(shape[3].weight[0], 0, 1e-6f);
}

TEST_F(Clip, AProgramsPlanesCut) {
    constexpr float kHalf[] = {-1, 0, 0, 0.5f}, kNothing[] = {0, 0, 0, -1};
    std::copy_n(kHalf, 4, state_.plane[5]);
    std::copy_n(kNothing, 4, state_.plane[2]);
    state_.planes = 1u << 5;  // x <= w / 2
    const ClippedShape shape = clipped();
    ASSERT_EQ(shape.size(), 4u);
    for (unsigned i = 0; i < 4; i++) EXPECT_LE(shape[i].position[0], 0.5f);
    EXPECT_EQ(shape[1].weight[0], 0.5f);
    state_.planes |= 1u << 2;
    EXPECT_EQ(clipped().size(), 0u);
}

TEST_F(Clip, TheNearPlaneIsAtZeroWhereAsked) {
    for (unsigned i = 0; i < 3; i++) vertex_[i].position[2] = -0.5f;
    EXPECT_EQ(clipped().size(), 3u);
    state_.z_from_zero = true;
    EXPECT_EQ(clipped().size(), 0u);
    state_.near = false;
    EXPECT_EQ(clipped().size(), 3u);
}

TEST_F(Clip, BehindTheEyeNothingIsSeen) {
    state_.near = state_.far = false;
    for (unsigned i = 0; i < 3; i++) vertex_[i].position[3] = -1;
    EXPECT_EQ(clipped().size(), 0u);
    vertex_[0].position[3] = 1;
    const ClippedShape shape = clipped();
    ASSERT_GE(shape.size(), 3u);
    for (unsigned i = 0; i < shape.size(); i++) EXPECT_GT(shape[i].position[3], 0);
}

TEST_F(Clip, TheGuardBandIsWiderThanTheView) {
    set(1, 5, 0, 0, 1);
    state_.guard_band[0] = 8;
    EXPECT_EQ(clipped().size(), 3u);
    state_.guard_band[0] = 4;
    const ClippedShape shape = clipped();
    EXPECT_EQ(shape.size(), 4u);
    for (unsigned i = 0; i < shape.size(); i++) EXPECT_LE(shape[i].position[0], 4 + 1e-5f);
}

TEST_F(Clip, DistancesAreInterpolated) {
    state_.clip_distances = 1u << 3;
    vertex_[0].distance[3] = 1;
    vertex_[1].distance[3] = -1;
    vertex_[2].distance[3] = 1;
    const ClippedShape shape = clipped();
    ASSERT_EQ(shape.size(), 4u);
    for (unsigned i = 0; i < 4; i++) EXPECT_LE(shape[i].weight[0], 0.5f);
}

TEST_F(Clip, CullDistancesDropOnlyWholePrimitives) {
    state_.cull_distances = 1;
    for (Vertex& vertex : vertex_) vertex.distance[0] = -1;
    EXPECT_EQ(clipped().size(), 0u);
    vertex_[1].distance[0] = 1;
    EXPECT_EQ(clipped().size(), 3u);
}

TEST_F(Clip, LinesKeepTwoEnds) {
    primitive_.kind = Primitive::Kind::kLine;
    set(1, 1, 0, 3, 1);
    const ClippedShape shape = clipped();
    ASSERT_EQ(shape.size(), 2u);
    EXPECT_NEAR(shape[1].weight[0], 1 / 3.0f, 1e-6f);
    EXPECT_NEAR(shape[1].position[2], 1, 1e-6f);
}

TEST_F(Clip, APointIsThereOrNot) {
    primitive_.kind = Primitive::Kind::kPoint;
    set(0, 3, 0, 0, 1);
    EXPECT_EQ(clipped().size(), 1u) << "points reach into view from its side";
    set(0, 0, 0, 2, 1);
    EXPECT_EQ(clipped().size(), 0u);
}

TEST_F(Clip, NumbersThatAreNoneDropThePrimitive) {
    set(0, std::numeric_limits<float>::quiet_NaN(), 0, 0, 1);
    EXPECT_EQ(clipped().size(), 0u);
    set(0, std::numeric_limits<float>::infinity(), 0, 0, 1);
    EXPECT_EQ(clipped().size(), 0u);
}

// All planes at once must not need more corners than there is room for.
TEST_F(Clip, AllPlanesAtOnce) {
    state_.clip_distances = 0xff;
    set(0, -900, -900, -900, 1);
    set(1, 900, -700, 500, 2);
    set(2, 10, 900, 900, 3);
    for (unsigned v = 0; v < 3; v++)
        for (unsigned d = 0; d < kClipDistances; d++)
            vertex_[v].distance[d] = 1.0f + static_cast<float>((v * 7 + d * 5) % 11) - 5;
    EXPECT_LE(clipped().size(), ClippedShape::kMost);
}

}  // namespace
}  // namespace simgpu::gfx9::draw
