// Which pixels triangles cover, and how much of each corner they are.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <utility>

#include "simgpu/amd/gfx9/draw/raster_state.h"
#include "simgpu/amd/gfx9/draw/rasteriser.h"

namespace simgpu::gfx9::draw {
namespace {

using Pixel = std::pair<int, int>;

/// Counts how often each pixel was covered.
class Coverage final : public QuadSink {
  public:
    bool quad(const ScreenTriangle&, const Quad& quad) override {
        for (int i = 0; i < 4; i++)
            if (quad.covered >> i & 1) times[{quad.x + i % 2, quad.y + i / 2}]++;
        last = quad;
        return --quads_left != 0;
    }
    std::map<Pixel, int> times;
    Quad last;
    int quads_left = -1;
};

struct Point {
    double x, y;
};

ScreenTriangle triangle(Point a, Point b, Point c) {
    const auto corner = [](Point p) {
        Corner at;
        at.x = static_cast<int32_t>(p.x * kSubpixels);
        at.y = static_cast<int32_t>(p.y * kSubpixels);
        return at;
    };
    ScreenTriangle t;
    t.corner = {corner(a), corner(b), corner(c)};
    t.bounds = {0, 0, 64, 64};
    return t;
}

constexpr int32_t kCentre = kSubpixels / 2;

TEST(Rasteriser, CentresDecide) {
    Coverage coverage;
    rasterise(triangle({2, 2}, {6, 2}, {2, 6}), kCentre, SamplePattern{}, coverage);
    const std::map<Pixel, int> expected = {{{2, 2}, 1}, {{3, 2}, 1}, {{4, 2}, 1},
                                           {{2, 3}, 1}, {{3, 3}, 1}, {{2, 4}, 1}};
    // The centres at (5, 2), (4, 3), ... lie on the hypotenuse, which is a right edge.
    EXPECT_EQ(coverage.times, expected);
}

TEST(Rasteriser, TopAndLeftEdgesBelongToATriangle) {
    Coverage coverage;
    rasterise(triangle({1.5, 1.5}, {4.5, 1.5}, {1.5, 4.5}), kCentre, SamplePattern{}, coverage);
    EXPECT_TRUE(coverage.times.contains({1, 1}));
    EXPECT_TRUE(coverage.times.contains({3, 1}));
    EXPECT_FALSE(coverage.times.contains({4, 1}));
    EXPECT_FALSE(coverage.times.contains({2, 3}));
}

TEST(Rasteriser, BothWindingsCoverTheSame) {
    Coverage one, other;
    rasterise(triangle({3, 1}, {17.25, 9.5}, {5, 20}), kCentre, SamplePattern{}, one);
    rasterise(triangle({3, 1}, {5, 20}, {17.25, 9.5}), kCentre, SamplePattern{}, other);
    EXPECT_FALSE(one.times.empty());
    EXPECT_EQ(one.times, other.times);
}

// A fan around a point: every pixel of the square is covered once, wherever the point is.
TEST(Rasteriser, SharedEdgesLeaveNoGapAndNoOverlap) {
    std::mt19937 random(1);
    const auto place = [&](int range) {
        return static_cast<double>(random() % static_cast<unsigned>(range * kSubpixels)) /
               kSubpixels;
    };
    for (int round = 0; round < 50; round++) {
        const Point middle{place(32), place(32)};
        const Point corners[] = {{0, 0}, {32, 0}, {32, 32}, {0, 32}};
        Coverage coverage;
        for (int i = 0; i < 4; i++)
            rasterise(triangle(middle, corners[i], corners[(i + 1) % 4]), kCentre, SamplePattern{},
                      coverage);
        EXPECT_EQ(coverage.times.size(), 32u * 32u);
        for (const auto& [pixel, times] : coverage.times) EXPECT_EQ(times, 1);
    }
}

TEST(Rasteriser, BoundsCutPixelsOff) {
    ScreenTriangle t = triangle({0, 0}, {40, 0}, {0, 40});
    t.bounds = {3, 5, 6, 7};
    Coverage coverage;
    rasterise(t, kCentre, SamplePattern{}, coverage);
    EXPECT_EQ(coverage.times.size(), 3u * 2u);
    EXPECT_TRUE(coverage.times.contains({3, 5}));
    EXPECT_TRUE(coverage.times.contains({5, 6}));
}

TEST(Rasteriser, ARectangleIsItsThreeCorners) {
    ScreenTriangle t = triangle({2, 3}, {6, 3}, {2, 9});
    t.fills_rectangle = true;
    Coverage coverage;
    rasterise(t, kCentre, SamplePattern{}, coverage);
    EXPECT_EQ(coverage.times.size(), 4u * 6u);
    EXPECT_TRUE(coverage.times.contains({5, 8}));
}

TEST(Rasteriser, WeightsAddUpLinearly) {
    Coverage coverage;
    rasterise(triangle({0, 0}, {2, 0}, {0, 2}), kCentre, SamplePattern{}, coverage);
    // The centre of pixel 0 is a quarter of the way to both corners, pixel 1's three quarters.
    EXPECT_DOUBLE_EQ(coverage.last.corner_weight[0][0], 0.25);
    EXPECT_DOUBLE_EQ(coverage.last.corner_weight[0][1], 0.25);
    EXPECT_DOUBLE_EQ(coverage.last.corner_weight[1][0], 0.75);
    // Pixel 3 is not covered, but has weights: derivatives need them.
    EXPECT_EQ(coverage.last.covered & 8, 0);
    EXPECT_DOUBLE_EQ(coverage.last.corner_weight[3][0], 0.75);
    EXPECT_DOUBLE_EQ(coverage.last.corner_weight[3][1], 0.75);
}

TEST(Rasteriser, NothingIsCoveredWithoutArea) {
    Coverage coverage;
    EXPECT_TRUE(rasterise(triangle({1, 1}, {9, 9}, {5, 5}), kCentre, SamplePattern{}, coverage));
    EXPECT_TRUE(coverage.times.empty());
}

/// Stops at its first row.
class Stopped final : public QuadSink {
  public:
    bool quad(const ScreenTriangle&, const Quad&) override { return true; }
    bool next_rows() override { return false; }
};

// A sliver as large as the screen covers next to nothing, and still has to end in time.
TEST(Rasteriser, AsksBetweenRows) {
    ScreenTriangle t = triangle({0, 0}, {16000, 15999}, {16000, 16000});
    t.bounds = {0, 0, 16384, 16384};
    Stopped stopped;
    EXPECT_FALSE(rasterise(t, kCentre, SamplePattern{}, stopped));
}

TEST(Rasteriser, SliversOfAnyDirectionAreWhole) {
    // Against a plain test of every pixel.
    std::mt19937 random(2);
    const auto place = [&] {
        return static_cast<double>(random() % (64 * kSubpixels)) / kSubpixels;
    };
    for (int round = 0; round < 200; round++) {
        const Point a{place(), place()}, b{place(), place()};
        const Point c{(a.x + b.x) / 2 + place() / 8, (a.y + b.y) / 2 + place() / 8};
        Coverage coverage;
        const ScreenTriangle t = triangle(a, b, c);
        rasterise(t, kCentre, SamplePattern{}, coverage);
        const auto side = [](const Corner& p, const Corner& q, int64_t x, int64_t y) {
            return (q.x - p.x) * (y - p.y) - (q.y - p.y) * (x - p.x);
        };
        const int64_t sign = signed_area(t) < 0 ? -1 : 1;
        for (int y = 0; y < 64; y++)
            for (int x = 0; x < 64; x++) {
                bool inside = signed_area(t) != 0;
                for (int e = 0; e < 3; e++)
                    inside = inside && sign * side(t.corner[static_cast<size_t>(e)],
                                                   t.corner[static_cast<size_t>((e + 1) % 3)],
                                                   x * 256 + 128, y * 256 + 128) >
                                           0;
                EXPECT_TRUE(!inside || coverage.times.contains({x, y})) << x << "," << y;
            }
    }
}

TEST(Rasteriser, StopsWhenToldTo) {
    Coverage coverage;
    coverage.quads_left = 3;
    EXPECT_FALSE(rasterise(triangle({0, 0}, {40, 0}, {0, 40}), kCentre, SamplePattern{}, coverage));
    EXPECT_LE(coverage.times.size(), 12u);
}

/// Collects the samples of one pixel.
class SampleSink final : public QuadSink {
  public:
    bool quad(const ScreenTriangle&, const Quad& quad) override {
        for (unsigned i = 0; i < 4; i++)
            samples[{quad.x + static_cast<int>(i % 2), quad.y + static_cast<int>(i / 2)}] |=
                quad.samples[i];
        return true;
    }
    std::map<std::pair<int, int>, unsigned> samples;
};

TEST(Rasteriser, SamplesAreCoveredEachByItself) {
    SamplePattern pattern;
    pattern.sample_bits = 2;
    // In 1/16 of a pixel: Vulkan's standard places.
    constexpr int kPlaces[][2] = {{-2, -6}, {6, -2}, {-6, 2}, {2, 6}};
    for (auto& places : pattern.place)
        for (unsigned s = 0; s < 4; s++)
            places[s] = {static_cast<int16_t>(kPlaces[s][0] * 16),
                         static_cast<int16_t>(kPlaces[s][1] * 16)};
    SampleSink sink;
    // Left of x = 8.5: the samples to the left of pixel 8's centre.
    rasterise(triangle({8.5, -100}, {8.5, 100}, {-100, 0}), kCentre, pattern, sink);
    EXPECT_EQ((sink.samples[{7, 3}]), 0xfu);
    EXPECT_EQ((sink.samples[{8, 3}]), 0x5u);
    EXPECT_EQ((sink.samples[{9, 3}]), 0u);
    pattern.mask = {0x3, 0x3, 0x3, 0x3};
    SampleSink masked;
    rasterise(triangle({8.5, -100}, {8.5, 100}, {-100, 0}), kCentre, pattern, masked);
    EXPECT_EQ((masked.samples[{8, 3}]), 0x1u);
}

TEST(Rasteriser, CentroidsAreCoveredSamples) {
    SamplePattern pattern;
    pattern.sample_bits = 2;
    pattern.centroid_order = {3, 1, 0, 2};
    EXPECT_EQ(pattern.centroid(0xf), -1) << "the centre of a covered pixel";
    EXPECT_EQ(pattern.centroid(0x7), 1);
    EXPECT_EQ(pattern.centroid(0x5), 0);
    pattern.iterations = 2;
    EXPECT_EQ(pattern.of_iteration(0), 0x5);
    EXPECT_EQ(pattern.of_iteration(1), 0xa);
}

}  // namespace
}  // namespace simgpu::gfx9::draw
