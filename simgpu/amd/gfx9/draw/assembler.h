// Primitive assembly: from a run of vertices to points, lines, triangles, rectangles and patches.
#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>

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
    kPatch = 9,
    // With adjacency: only geometry shaders see the further vertices.
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

/// The order of the vertices of a primitive with adjacency, and of every other triangle of a
/// strip, is the one that Vulkan gives geometry shaders.
class Assembler {
  public:
    /// `patch_vertices`: 1 to kLargestPatch; of patches only.
    Assembler(Topology topology, bool provoking_last, InputSink& sink, unsigned patch_vertices = 0)
        : topology_(topology),
          provoking_last_(provoking_last),
          patch_vertices_(patch_vertices),
          sink_(sink) {}

    /// Takes the next vertex. False: the sink has stopped.
    bool add(const InputVertex& vertex);
    /// Ends the current strip, fan or loop, as a restart index does.
    bool finish();
    /// Ends the instance: its primitives are numbered from 0.
    bool finish_instance();
    uint64_t primitives() const { return primitives_; }

  private:
    using Order = std::initializer_list<unsigned>;

    bool list(Primitive::Kind kind, unsigned vertices);
    bool line_strip();
    bool triangle_strip();
    bool line_adjacency(unsigned step);
    bool triangle_list_adjacency();
    bool triangle_strip_adjacency(bool last);
    bool patch();
    bool fan();
    bool quad_list();
    bool quad_strip();
    bool polygon(bool closes);
    bool emit_line();
    bool emit(Primitive::Kind kind, Order vertices, unsigned provoking, unsigned edges = 7);
    bool emit_quad(unsigned a, unsigned b, unsigned c, unsigned d);
    bool send(InputPrimitive& primitive);
    void forget(size_t count);

    Topology topology_;
    bool provoking_last_;
    unsigned patch_vertices_;
    InputSink& sink_;
    std::deque<InputVertex> held_;   // those that coming primitives still need
    std::deque<InputVertex> first_;  // of a loop: the vertex to come back to
    uint32_t in_strip_ = 0;          // primitives since the strip began
    uint32_t next_id_ = 0;
    bool continues_ = false;  // the next primitive is a further part of the same
    uint64_t primitives_ = 0;
};

}  // namespace simgpu::gfx9::draw
