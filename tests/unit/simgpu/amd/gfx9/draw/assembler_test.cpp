// Primitive assembly: order of vertices, winding, provoking vertices, restarts.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "simgpu/amd/gfx9/draw/assembler.h"

namespace simgpu::gfx9::draw {
namespace {

/// Writes primitives down as "012:2": vertices, and the provoking one.
class Written final : public PrimitiveSink {
  public:
    bool primitive(const Primitive& primitive) override {
        std::string text;
        for (unsigned i = 0; i < primitive.count(); i++) text += name(primitive, i);
        all.push_back(text + ":" + name(primitive, primitive.provoking));
        edges.push_back(primitive.edges);
        return all.size() != stop_after;
    }
    std::vector<std::string> all;
    std::vector<int> edges;
    size_t stop_after = 0;

  private:
    static std::string name(const Primitive& primitive, unsigned i) {
        return std::to_string(static_cast<int>(primitive.vertex[i]->position[0]));
    }
};

Vertex vertex(int number) {
    Vertex v;
    v.position[0] = static_cast<float>(number);
    return v;
}

std::vector<std::string> assembled(Topology topology, bool provoking_last, int vertices) {
    Written written;
    Assembler assembler(topology, provoking_last, written);
    for (int i = 0; i < vertices; i++) assembler.add(vertex(i));
    assembler.finish();
    EXPECT_EQ(assembler.primitives(), written.all.size());
    return written.all;
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
    EXPECT_EQ(assembled(Topology::kTriangleStrip, false, 5), (Texts{"012:0", "213:1", "234:2"}));
    EXPECT_EQ(assembled(Topology::kLineStrip, true, 3), (Texts{"01:1", "12:2"}));
}

TEST(Assembler, NeighboursAreLeftOut) {
    EXPECT_EQ(assembled(Topology::kLineListAdjacency, true, 9), (Texts{"12:2", "56:6"}));
    EXPECT_EQ(assembled(Topology::kLineStripAdjacency, false, 6), (Texts{"12:1", "23:2", "34:3"}));
    EXPECT_EQ(assembled(Topology::kTriangleListAdjacency, true, 12), (Texts{"024:4", "6810:10"}));
    EXPECT_EQ(assembled(Topology::kTriangleStripAdjacency, true, 9), (Texts{"024:4", "426:6"}));
    EXPECT_EQ(assembled(Topology::kTriangleStripAdjacency, false, 8), (Texts{"024:0", "426:2"}));
}

TEST(Assembler, FansAndLoops) {
    EXPECT_EQ(assembled(Topology::kTriangleFan, true, 4), (Texts{"012:2", "023:3"}));
    EXPECT_EQ(assembled(Topology::kTriangleFan, false, 4), (Texts{"012:1", "023:2"}));
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
