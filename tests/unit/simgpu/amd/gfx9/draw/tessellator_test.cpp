// The tessellator: places of points, and meshes without gaps, overlaps or turned triangles.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "simgpu/amd/gfx9/draw/tessellator.h"

namespace simgpu::gfx9::draw {
namespace {

using Domain = TessellatorState::Domain;
using Partitioning = TessellatorState::Partitioning;
using Output = TessellatorState::Output;
using Factors = std::array<float, kMostFactors>;

constexpr int64_t kOne = 65536;

TessellatorState state(Domain domain, Partitioning partitioning,
                       Output output = Output::kClockwise) {
    TessellatorState state;
    state.domain = domain;
    state.partitioning = partitioning;
    state.output = output;
    return state;
}

/// A point in fixed point, which it is exactly.
using Place = std::pair<int64_t, int64_t>;

std::vector<Place> places(const Tessellation& made) {
    std::vector<Place> all;
    for (const auto& point : made.points)
        all.push_back({std::llrint(point.u * 65536.0), std::llrint(point.v * 65536.0)});
    return all;
}

bool on_boundary(Domain domain, Place a, Place b) {
    if (a.first == 0 && b.first == 0) return true;
    if (a.second == 0 && b.second == 0) return true;
    if (domain == Domain::kTriangles)
        return a.first + a.second == kOne && b.first + b.second == kOne;
    return (a.first == kOne && b.first == kOne) || (a.second == kOne && b.second == kOne);
}

/// Twice the area of a mesh's triangles, none of which may be turned; and each edge must have a
/// triangle on both sides, or be on the domain's boundary.
void expect_whole(const TessellatorState& state, const Tessellation& made) {
    const std::vector<Place> at = places(made);
    ASSERT_EQ(made.indices.size() % 3, 0u);
    int64_t area = 0;
    std::map<std::pair<unsigned, unsigned>, int> edges;
    std::set<unsigned> used;
    for (size_t i = 0; i < made.indices.size(); i += 3) {
        const unsigned v[] = {made.indices[i], made.indices[i + 1], made.indices[i + 2]};
        for (const unsigned vertex : v) ASSERT_LT(vertex, at.size());
        const Place a = at[v[0]], b = at[v[1]], c = at[v[2]];
        const int64_t twice = (b.first - a.first) * (c.second - a.second) -
                              (c.first - a.first) * (b.second - a.second);
        // The places of inner points of triangles are rounded to 1/65536.
        EXPECT_GE(state.output == Output::kClockwise ? twice : -twice, -2 * kOne) << i;
        area += twice;
        for (unsigned k = 0; k < 3; k++) {
            edges[{v[k], v[(k + 1) % 3]}]++;
            used.insert(v[k]);
        }
    }
    const int64_t whole = kOne * kOne * (state.domain == Domain::kQuads ? 2 : 1);
    EXPECT_EQ(area, state.output == Output::kClockwise ? whole : -whole);
    EXPECT_EQ(used.size(), at.size()) << "each point is a corner of some triangle";
    for (const auto& [edge, times] : edges) {
        EXPECT_EQ(times, 1);
        const bool has_neighbour = edges.contains({edge.second, edge.first});
        EXPECT_TRUE(has_neighbour || on_boundary(state.domain, at[edge.first], at[edge.second]))
            << edge.first << "-" << edge.second;
    }
}

TEST(Tessellator, MeshesAreWhole) {
    std::mt19937 random(1);
    for (const Domain domain : {Domain::kTriangles, Domain::kQuads})
        for (const auto partitioning :
             {Partitioning::kInteger, Partitioning::kPowerOfTwo, Partitioning::kFractionalOdd,
              Partitioning::kFractionalEven})
            for (int round = 0; round < 300; round++) {
                Factors factors;
                // Many small ones, where rings vanish.
                const float most = round % 3 ? 5.0f : 64.0f;
                for (float& factor : factors)
                    factor = std::uniform_real_distribution<float>(0.5f, most)(random);
                if (round % 7 == 0) factors.fill(std::ceil(factors[0]));
                const TessellatorState made =
                    state(domain, partitioning,
                          round % 2 ? Output::kClockwise : Output::kCounterClockwise);
                std::string text;
                for (const float factor : factors) text += std::to_string(factor) + " ";
                SCOPED_TRACE(text + "domain " + std::to_string(static_cast<int>(domain)) +
                             ", partitioning " + std::to_string(static_cast<int>(partitioning)));
                expect_whole(made, tessellate(made, factors));
                if (testing::Test::HasFailure()) return;
            }
}

/// The places along the edge where u is 0.
std::set<int64_t> first_edge(const TessellatorState& state, const Factors& factors) {
    std::set<int64_t> found;
    for (const Place& place : places(tessellate(state, factors)))
        if (place.first == 0) found.insert(place.second);
    return found;
}

// Neighbours that share an edge meet whatever their other factors are, from either end of it.
TEST(Tessellator, AnEdgeDependsOnItsFactorOnly) {
    for (const auto partitioning :
         {Partitioning::kInteger, Partitioning::kFractionalOdd, Partitioning::kFractionalEven})
        for (float factor = 0.5f; factor < 66; factor += 0.37f) {
            const auto edge =
                first_edge(state(Domain::kQuads, partitioning), {factor, 3, 5, 7, 2, 9});
            EXPECT_EQ(edge, first_edge(state(Domain::kTriangles, partitioning), {factor, 8, 1, 4}))
                << factor;
            std::set<int64_t> mirrored;
            for (const int64_t place : edge) mirrored.insert(kOne - place);
            EXPECT_EQ(edge, mirrored) << factor;
        }
}

TEST(Tessellator, PlacesAreThoseOfTheReference) {
    using Set = std::set<int64_t>;
    const auto edge = [](Partitioning partitioning, float factor) {
        return first_edge(state(Domain::kQuads, partitioning), {factor, 1, 1, 1, 1, 1});
    };
    EXPECT_EQ(edge(Partitioning::kInteger, 3), (Set{0, 0x5555, 0xaaab, 0x10000}));
    EXPECT_EQ(edge(Partitioning::kInteger, 3.5f), (Set{0, 0x4000, 0x8000, 0xc000, 0x10000}));
    EXPECT_EQ(edge(Partitioning::kFractionalEven, 3), (Set{0, 0x6000, 0x8000, 0xa000, 0x10000}));
    EXPECT_EQ(edge(Partitioning::kFractionalEven, 1), (Set{0, 0x8000, 0x10000}));
    // Between 4 and 6 segments the outer of the two new points is still near its neighbour.
    EXPECT_EQ(edge(Partitioning::kFractionalEven, 5),
              (Set{0, 0x3556, 0x4aab, 0x8000, 0xb555, 0xcaaa, 0x10000}));
    EXPECT_EQ(edge(Partitioning::kFractionalOdd, 4),
              (Set{0, 0x4444, 0x5dde, 0xa222, 0xbbbc, 0x10000}));
    // Between 1 and 3 segments the two new points come from the middle's ends.
    EXPECT_EQ(edge(Partitioning::kFractionalOdd, 2), (Set{0, 0x2aab, 0xd555, 0x10000}));
    EXPECT_EQ(edge(Partitioning::kFractionalOdd, 1), (Set{0, 0x10000}));
}

size_t triangles(Domain domain, const Factors& factors) {
    return tessellate(state(domain, Partitioning::kInteger), factors).indices.size() / 3;
}

TEST(Tessellator, Counts) {
    EXPECT_EQ(triangles(Domain::kTriangles, {1, 1, 1, 1}), 1u);
    EXPECT_EQ(triangles(Domain::kTriangles, {2, 2, 2, 2}), 6u);
    EXPECT_EQ(triangles(Domain::kTriangles, {3, 3, 3, 3}), 13u);
    EXPECT_EQ(triangles(Domain::kQuads, {1, 1, 1, 1, 1, 1}), 2u);
    EXPECT_EQ(triangles(Domain::kQuads, {4, 4, 4, 4, 4, 4}), 32u);
    EXPECT_EQ(triangles(Domain::kQuads, {64, 64, 64, 64, 64, 64}), 2u * 64 * 64);
    EXPECT_EQ(triangles(Domain::kQuads, {99, 64, 64, 64, 64, 64}), 2u * 64 * 64);
}

TEST(Tessellator, TheDriversLimitHolds) {
    TessellatorState limited = state(Domain::kQuads, Partitioning::kInteger);
    limited.largest_factor = 4;
    EXPECT_EQ(tessellate(limited, {64, 64, 64, 64, 64, 64}).indices.size(), 3u * 32);
}

TEST(Tessellator, LimitsAndFactorsMayBeAnyNumber) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    TessellatorState limited = state(Domain::kQuads, Partitioning::kInteger);
    const auto indices = [&] {
        return tessellate(limited, {kInfinity, 64, 64, 64, kInfinity, 64}).indices.size();
    };
    for (const float none : {std::numeric_limits<float>::quiet_NaN(), kInfinity}) {
        limited.largest_factor = none;
        EXPECT_EQ(indices(), 3u * 2 * 64 * 64) << none;
    }
    for (const float least : {-1.0f, -kInfinity, 0.0f}) {
        limited.largest_factor = least;
        EXPECT_EQ(indices(), 3u * 2) << least;
    }
}

TEST(Tessellator, PatchesAreCulledByTheirEdges) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const float factor : {0.0f, -1.0f, nan}) {
        EXPECT_TRUE(tessellate(state(Domain::kTriangles, Partitioning::kInteger), {4, factor, 4, 4})
                        .points.empty());
        EXPECT_TRUE(tessellate(state(Domain::kIsolines, Partitioning::kInteger, Output::kLines),
                               {4, factor})
                        .points.empty());
        EXPECT_EQ(triangles(Domain::kTriangles, {1, 1, 1, factor}), 1u) << "inside it counts as 1";
    }
}

TEST(Tessellator, IsolinesLackTheLastOne) {
    // Two segments each, three lines.
    const Tessellation lines =
        tessellate(state(Domain::kIsolines, Partitioning::kInteger, Output::kLines), {2, 3});
    EXPECT_EQ(places(lines), (std::vector<Place>{{0, 0},
                                                 {0x8000, 0},
                                                 {0x10000, 0},
                                                 {0, 0x5555},
                                                 {0x8000, 0x5555},
                                                 {0x10000, 0x5555},
                                                 {0, 0xaaab},
                                                 {0x8000, 0xaaab},
                                                 {0x10000, 0xaaab}}));
    EXPECT_EQ(lines.indices, (std::vector<uint16_t>{0, 1, 1, 2, 3, 4, 4, 5, 6, 7, 7, 8}));
    // The number of lines is whole even if segments are fractional.
    EXPECT_EQ(tessellate(state(Domain::kIsolines, Partitioning::kFractionalOdd, Output::kPoints),
                         {1, 1.5f})
                  .indices.size(),
              4u);
}

TEST(Tessellator, EachPointOnceInPointMode) {
    const Tessellation points = tessellate(
        state(Domain::kQuads, Partitioning::kInteger, Output::kPoints), {4, 4, 4, 4, 4, 4});
    EXPECT_EQ(points.indices.size(), 25u);
    const std::vector<Place> at = places(points);
    EXPECT_EQ(std::set<Place>(at.begin(), at.end()).size(), 25u);
}

TEST(Tessellator, ReservedParametersAreNamed) {
    EXPECT_TRUE(TessellatorState::read(1 | 2u << 5, 64).problem().empty());
    EXPECT_FALSE(TessellatorState::read(3 | 2u << 5, 64).problem().empty());
    EXPECT_FALSE(TessellatorState::read(1 | 4u << 5, 64).problem().empty());
    EXPECT_FALSE(TessellatorState::read(1 | 4u << 2, 64).problem().empty());
    EXPECT_FALSE(TessellatorState::read(0 | 3u << 5, 64).problem().empty()) << "lines of triangles";
}

}  // namespace
}  // namespace simgpu::gfx9::draw
