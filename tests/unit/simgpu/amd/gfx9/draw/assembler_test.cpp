// Primitive assembly: order of vertices, winding, provoking vertices, restarts.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "simgpu/amd/gfx9/draw/assembler.h"

namespace simgpu::gfx9::draw {
namespace {

/// Writes primitives down as "012:2": vertices, and the provoking one of those that are drawn.
class Written final : public InputSink {
  public:
    bool primitive(const InputPrimitive& primitive) override {
        std::string text;
        for (unsigned i = 0; i < primitive.count; i++) text += name(*primitive.vertex[i]);
        all.push_back(text + ":" + name(primitive.drawn(primitive.provoking)));
        edges.push_back(primitive.edges);
        ids.push_back(static_cast<int>(primitive.id));
        return all.size() != stop_after;
    }
    bool flush() override { return true; }
    std::vector<std::string> all;
    std::vector<int> edges, ids;
    size_t stop_after = 0;

  private:
    static std::string name(const InputVertex& vertex) { return std::to_string(vertex.value[0]); }
};

InputVertex vertex(int number) {
    InputVertex v;
    v.value[0] = static_cast<uint32_t>(number);
    return v;
}

Written written(Topology topology, bool provoking_last, int vertices, unsigned patch_vertices = 0) {
    Written written;
    Assembler assembler(topology, provoking_last, written, patch_vertices);
    for (int i = 0; i < vertices; i++) assembler.add(vertex(i));
    assembler.finish();
    EXPECT_EQ(assembler.primitives(), written.all.size());
    return written;
}

std::vector<std::string> assembled(Topology topology, bool provoking_last, int vertices) {
    return written(topology, provoking_last, vertices).all;
}

using Texts = std::vector<std::string>;

TEST(Assembler, Lists) {
    EXPECT_EQ(assembled(Topology::kPointList, true, 2), (Texts{"0:0", "1:1"}));
    EXPECT_EQ(assembled(Topology::kLineList, true, 5), (Texts{"01:1", "23:3"}));
    EXPECT_EQ(assembled(Topology::kTriangleList, true, 8), (Texts{"012:2", "345:5"}));
    EXPECT_EQ(assembled(Topology::kTriangleList, false, 3), (Texts{"012:0"}));
    EXPECT_EQ(assembled(Topology::kRectangleList, true, 3), (Texts{"012:2"}));
}

TEST(Assembler, StripsKeepTheirWinding) {
    EXPECT_EQ(assembled(Topology::kTriangleStrip, true, 5), (Texts{"012:2", "213:3", "234:4"}));
    // The first vertex provokes: of the second triangle that is vertex 1.
    EXPECT_EQ(assembled(Topology::kTriangleStrip, false, 5), (Texts{"012:0", "132:1", "234:2"}));
    EXPECT_EQ(assembled(Topology::kLineStrip, true, 3), (Texts{"01:1", "12:2"}));
}

TEST(Assembler, NeighboursAreBetweenTheVertices) {
    EXPECT_EQ(assembled(Topology::kLineListAdjacency, true, 9), (Texts{"0123:2", "4567:6"}));
    EXPECT_EQ(assembled(Topology::kLineStripAdjacency, false, 6),
              (Texts{"0123:1", "1234:2", "2345:3"}));
    EXPECT_EQ(assembled(Topology::kTriangleListAdjacency, true, 12),
              (Texts{"012345:4", "67891011:10"}));
}

// Vulkan's table of triangle strips with adjacency.
TEST(Assembler, NeighboursInStripsAreThoseAcrossEachEdge) {
    EXPECT_EQ(assembled(Topology::kTriangleStripAdjacency, true, 7), (Texts{"012543:4"}));
    EXPECT_EQ(assembled(Topology::kTriangleStripAdjacency, true, 9),
              (Texts{"012643:4", "256740:4"}));
    EXPECT_EQ(assembled(Topology::kTriangleStripAdjacency, false, 10),
              (Texts{"012643:0", "256840:2", "426987:4"}));
}

TEST(Assembler, PatchesHaveTheirVertices) {
    EXPECT_EQ(written(Topology::kPatch, true, 11, 5).all, (Texts{"01234:0", "56789:5"}));
    EXPECT_EQ(written(Topology::kPatch, true, 2, 1).all, (Texts{"0:0", "1:1"}));
}

TEST(Assembler, PrimitivesAreNumberedAsTheProgramCountsThem) {
    using Ids = std::vector<int>;
    EXPECT_EQ(written(Topology::kTriangleStrip, true, 5).ids, (Ids{0, 1, 2}));
    EXPECT_EQ(written(Topology::kQuadList, true, 8).ids, (Ids{0, 0, 1, 1}));
    EXPECT_EQ(written(Topology::kPolygon, true, 5).ids, (Ids{0, 0, 0}));
    Written two_strips;
    Assembler assembler(Topology::kLineStrip, true, two_strips);
    for (int i = 0; i < 3; i++) assembler.add(vertex(i));
    assembler.finish();  // a restart
    for (int i = 3; i < 5; i++) assembler.add(vertex(i));
    assembler.finish_instance();
    for (int i = 0; i < 2; i++) assembler.add(vertex(i));
    EXPECT_EQ(two_strips.ids, (Ids{0, 1, 2, 0}));
}

TEST(Assembler, FansAndLoops) {
    EXPECT_EQ(assembled(Topology::kTriangleFan, true, 4), (Texts{"012:2", "023:3"}));
    EXPECT_EQ(assembled(Topology::kTriangleFan, false, 4), (Texts{"120:1", "230:2"}));
    EXPECT_EQ(assembled(Topology::kPolygon, true, 4), (Texts{"012:0", "023:0"}));
    EXPECT_EQ(assembled(Topology::kLineLoop, true, 3), (Texts{"01:1", "12:2", "20:0"}));
    EXPECT_EQ(assembled(Topology::kLineLoop, true, 1), (Texts{}));
}

TEST(Assembler, QuadsProvokeWithOneVertexInBothHalves) {
    EXPECT_EQ(assembled(Topology::kQuadList, true, 4), (Texts{"013:3", "123:3"}));
    EXPECT_EQ(assembled(Topology::kQuadList, false, 4), (Texts{"012:0", "023:0"}));
    EXPECT_EQ(assembled(Topology::kQuadStrip, true, 4), (Texts{"013:3", "032:3"}));
}

TEST(Assembler, OutlinesHaveNoInnerEdges) {
    const auto edges = [](Topology topology, bool provoking_last, int vertices) {
        Written written;
        Assembler assembler(topology, provoking_last, written);
        for (int i = 0; i < vertices; i++) assembler.add(vertex(i));
        assembler.finish();
        return written.edges;
    };
    using Edges = std::vector<int>;  // bit i: from vertex i of the triangle to the next one
    EXPECT_EQ(edges(Topology::kTriangleStrip, true, 4), (Edges{7, 7}));
    EXPECT_EQ(edges(Topology::kQuadList, true, 4), (Edges{1 | 4, 1 | 2}));   // 013, 123
    EXPECT_EQ(edges(Topology::kQuadList, false, 4), (Edges{1 | 2, 2 | 4}));  // 012, 023
    EXPECT_EQ(edges(Topology::kQuadStrip, true, 4), (Edges{1 | 2, 2 | 4}));  // 013, 032
    EXPECT_EQ(edges(Topology::kPolygon, true, 5), (Edges{1 | 2, 2, 2 | 4}));
    EXPECT_EQ(edges(Topology::kPolygon, true, 3), (Edges{7}));
}

TEST(Assembler, ARestartForgetsWhatWasBegun) {
    Written written;
    Assembler assembler(Topology::kTriangleStrip, true, written);
    for (int i = 0; i < 4; i++) assembler.add(vertex(i));
    assembler.finish();
    for (int i = 5; i < 8; i++) assembler.add(vertex(i));
    EXPECT_EQ(written.all, (Texts{"012:2", "213:3", "567:7"}));
}

TEST(Assembler, StopsWhenTheSinkDoes) {
    Written written;
    written.stop_after = 1;
    Assembler assembler(Topology::kPointList, true, written);
    EXPECT_FALSE(assembler.add(vertex(0)));
}

}  // namespace
}  // namespace simgpu::gfx9::draw
