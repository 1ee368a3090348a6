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
        case Topology::kTriangleFan:
        case Topology::kPolygon:
            return fan();
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

bool Assembler::fan() {
    if (held_.size() < 3) return true;
    // A polygon is flat-shaded by its first vertex, a fan by the spoke's.
    const unsigned first = topology_ == Topology::kPolygon ? 0 : 1;
    const bool last = provoking_last_ && topology_ != Topology::kPolygon;
    const bool go_on = emit(Primitive::Kind::kTriangle, 0, 1, 2, last ? 2 : first);
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
    if (provoking_last_ && topology_ == Topology::kQuadStrip)
        return emit(kTriangle, a, b, c, 2) && emit(kTriangle, a, c, d, 1);
    if (provoking_last_) return emit(kTriangle, a, b, d, 2) && emit(kTriangle, b, c, d, 2);
    return emit(kTriangle, a, b, c, 0) && emit(kTriangle, a, c, d, 0);
}

bool Assembler::emit(Primitive::Kind kind, unsigned a, unsigned b, unsigned c, unsigned provoking) {
    Primitive primitive;
    primitive.kind = kind;
    primitive.provoking = static_cast<uint8_t>(provoking);
    primitive.vertex = {&held_[a], &held_[b], &held_[c]};
    primitives_++;
    in_strip_++;
    return sink_.primitive(primitive);
}

void Assembler::forget(size_t count) {
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace simgpu::gfx9::draw
