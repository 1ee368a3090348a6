// Primitive assembly: from a run of vertices to points, lines, triangles and rectangles.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "simgpu/amd/gfx9/draw/geometry.h"

namespace simgpu::gfx9::draw {

/// VGT_PRIMITIVE_TYPE.
enum class Topology : uint8_t {
    kPointList = 1,
    kLineList = 2,
    kLineStrip = 3,
    kTriangleList = 4,
    kTriangleFan = 5,
    kTriangleStrip = 6,
    // With neighbours, which only geometry shaders see.
    kLineListAdjacency = 10,
    kLineStripAdjacency = 11,
    kTriangleListAdjacency = 12,
    kTriangleStripAdjacency = 13,
    kRectangleList = 17,
    kLineLoop = 18,
    kQuadList = 19,
    kQuadStrip = 20,
    kPolygon = 21,
};
bool is_simulated(Topology topology);

class Assembler {
  public:
    Assembler(Topology topology, bool provoking_last, PrimitiveSink& sink)
        : topology_(topology), provoking_last_(provoking_last), sink_(sink) {}

    /// Takes the next vertex. False: the sink has stopped.
    bool add(const Vertex& vertex);
    /// Ends the current strip, fan or loop, as a restart index and the draw's end do.
    bool finish();
    uint64_t primitives() const { return primitives_; }

  private:
    bool point();
    bool line_list();
    bool line_strip();
    bool triangle_list();
    bool triangle_strip();
    bool line_list_adjacency();
    bool line_strip_adjacency();
    bool triangle_list_adjacency();
    bool triangle_strip_adjacency();
    bool fan();
    bool quad_list();
    bool quad_strip();
    bool polygon(bool closes);
    bool emit(Primitive::Kind kind, unsigned a, unsigned b, unsigned c, unsigned provoking,
              unsigned edges = 7);
    bool emit_quad(unsigned a, unsigned b, unsigned c, unsigned d);
    void forget(size_t count);

    Topology topology_;
    bool provoking_last_;
    PrimitiveSink& sink_;
    std::deque<Vertex> held_;   // those that coming primitives still need
    std::deque<Vertex> first_;  // of a loop: the vertex to come back to
    uint32_t in_strip_ = 0;     // primitives since the strip began
    uint64_t primitives_ = 0;
};

}  // namespace simgpu::gfx9::draw
