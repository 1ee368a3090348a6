#include "simgpu/amd/gfx9/draw/assembler.h"

namespace simgpu::gfx9::draw {

bool is_simulated(Topology topology) {
    switch (topology) {
        case Topology::kPointList:
        case Topology::kLineList:
        case Topology::kLineStrip:
        case Topology::kTriangleList:
        case Topology::kTriangleFan:
        case Topology::kTriangleStrip:
        case Topology::kLineListAdjacency:
        case Topology::kLineStripAdjacency:
        case Topology::kTriangleListAdjacency:
        case Topology::kTriangleStripAdjacency:
        case Topology::kRectangleList:
        case Topology::kLineLoop:
        case Topology::kQuadList:
        case Topology::kQuadStrip:
        case Topology::kPolygon:
            return true;
    }
    return false;
}

bool Assembler::add(const Vertex& vertex) {
    if (topology_ == Topology::kLineLoop && held_.empty() && first_.empty())
        first_.push_back(vertex);
    held_.push_back(vertex);
    switch (topology_) {
        case Topology::kPointList:
            return point();
        case Topology::kLineList:
            return line_list();
        case Topology::kLineStrip:
        case Topology::kLineLoop:
            return line_strip();
        case Topology::kTriangleList:
        case Topology::kRectangleList:
            return triangle_list();
        case Topology::kTriangleStrip:
            return triangle_strip();
        case Topology::kLineListAdjacency:
            return line_list_adjacency();
        case Topology::kLineStripAdjacency:
            return line_strip_adjacency();
        case Topology::kTriangleListAdjacency:
            return triangle_list_adjacency();
        case Topology::kTriangleStripAdjacency:
            return triangle_strip_adjacency();
        case Topology::kTriangleFan:
            return fan();
        case Topology::kPolygon:
            return polygon(false);
        case Topology::kQuadList:
            return quad_list();
        case Topology::kQuadStrip:
            return quad_strip();
    }
    return true;
}

bool Assembler::finish() {
    bool go_on = true;
    if (topology_ == Topology::kLineLoop && in_strip_ > 0) {
        held_.push_back(first_.front());
        go_on = emit(Primitive::Kind::kLine, 0, 1, 1, provoking_last_ ? 1 : 0);
    }
    if (topology_ == Topology::kPolygon) go_on = polygon(true);
    held_.clear();
    first_.clear();
    in_strip_ = 0;
    return go_on;
}

bool Assembler::point() {
    const bool go_on = emit(Primitive::Kind::kPoint, 0, 0, 0, 0);
    forget(1);
    return go_on;
}

bool Assembler::line_list() {
    if (held_.size() < 2) return true;
    const bool go_on = emit(Primitive::Kind::kLine, 0, 1, 1, provoking_last_ ? 1 : 0);
    forget(2);
    return go_on;
}

bool Assembler::line_strip() {
    if (held_.size() < 2) return true;
    const bool go_on = emit(Primitive::Kind::kLine, 0, 1, 1, provoking_last_ ? 1 : 0);
    forget(1);
    return go_on;
}

bool Assembler::triangle_list() {
    if (held_.size() < 3) return true;
    const auto kind = topology_ == Topology::kRectangleList ? Primitive::Kind::kRectangle
                                                            : Primitive::Kind::kTriangle;
    const bool go_on = emit(kind, 0, 1, 2, provoking_last_ ? 2 : 0);
    forget(3);
    return go_on;
}

// Every other triangle turns the other way: its first two vertices change places.
bool Assembler::triangle_strip() {
    if (held_.size() < 3) return true;
    const bool odd = in_strip_ % 2;
    const bool go_on = odd ? emit(Primitive::Kind::kTriangle, 1, 0, 2, provoking_last_ ? 2 : 1)
                           : emit(Primitive::Kind::kTriangle, 0, 1, 2, provoking_last_ ? 2 : 0);
    forget(1);
    return go_on;
}

bool Assembler::line_list_adjacency() {
    if (held_.size() < 4) return true;
    const bool go_on = emit(Primitive::Kind::kLine, 1, 2, 2, provoking_last_ ? 1 : 0);
    forget(4);
    return go_on;
}

bool Assembler::line_strip_adjacency() {
    if (held_.size() < 4) return true;
    const bool go_on = emit(Primitive::Kind::kLine, 1, 2, 2, provoking_last_ ? 1 : 0);
    forget(1);
    return go_on;
}

bool Assembler::triangle_list_adjacency() {
    if (held_.size() < 6) return true;
    const bool go_on = emit(Primitive::Kind::kTriangle, 0, 2, 4, provoking_last_ ? 2 : 0);
    forget(6);
    return go_on;
}

// As a strip of the even vertices; a triangle is there once its last vertex's neighbour is.
bool Assembler::triangle_strip_adjacency() {
    if (held_.size() < 6) return true;
    const bool odd = in_strip_ % 2;
    const bool go_on = odd ? emit(Primitive::Kind::kTriangle, 2, 0, 4, provoking_last_ ? 2 : 1)
                           : emit(Primitive::Kind::kTriangle, 0, 2, 4, provoking_last_ ? 2 : 0);
    forget(2);
    return go_on;
}

bool Assembler::fan() {
    if (held_.size() < 3) return true;
    // Flat-shaded by the spoke's vertex.
    const bool go_on = emit(Primitive::Kind::kTriangle, 0, 1, 2, provoking_last_ ? 2 : 1);
    held_.erase(held_.begin() + 1);
    return go_on;
}

// A fan that is flat-shaded by its first vertex. Whether a triangle has the last edge shows when
// there is no further vertex.
bool Assembler::polygon(bool closes) {
    if (held_.size() < (closes ? 3 : 4)) return true;
    const unsigned edges = 2u | (in_strip_ == 0 ? 1u : 0u) | (closes ? 4u : 0u);
    const bool go_on = emit(Primitive::Kind::kTriangle, 0, 1, 2, 0, edges);
    held_.erase(held_.begin() + 1);
    return go_on;
}

bool Assembler::quad_list() {
    if (held_.size() < 4) return true;
    const bool go_on = emit_quad(0, 1, 2, 3);
    forget(4);
    return go_on;
}

bool Assembler::quad_strip() {
    if (held_.size() < 4) return true;
    const bool go_on = emit_quad(0, 1, 3, 2);
    forget(2);
    return go_on;
}

// Both halves contain the vertex that gives the quad its flat attributes.
bool Assembler::emit_quad(unsigned a, unsigned b, unsigned c, unsigned d) {
    constexpr auto kTriangle = Primitive::Kind::kTriangle;
    // The diagonal is an edge of neither.
    if (provoking_last_ && topology_ == Topology::kQuadStrip)
        return emit(kTriangle, a, b, c, 2, 3) && emit(kTriangle, a, c, d, 1, 6);
    if (provoking_last_) return emit(kTriangle, a, b, d, 2, 5) && emit(kTriangle, b, c, d, 2, 3);
    return emit(kTriangle, a, b, c, 0, 3) && emit(kTriangle, a, c, d, 0, 6);
}

bool Assembler::emit(Primitive::Kind kind, unsigned a, unsigned b, unsigned c, unsigned provoking,
                     unsigned edges) {
    Primitive primitive;
    primitive.kind = kind;
    primitive.provoking = static_cast<uint8_t>(provoking);
    primitive.edges = static_cast<uint8_t>(edges);
    primitive.vertex = {&held_[a], &held_[b], &held_[c]};
    primitives_++;
    in_strip_++;
    return sink_.primitive(primitive);
}

void Assembler::forget(size_t count) {
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace simgpu::gfx9::draw
