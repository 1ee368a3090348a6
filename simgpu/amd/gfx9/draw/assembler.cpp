#include "simgpu/amd/gfx9/draw/assembler.h"

namespace simgpu::gfx9::draw {

namespace {

constexpr auto kPoint = Primitive::Kind::kPoint, kLine = Primitive::Kind::kLine,
               kTriangle = Primitive::Kind::kTriangle, kRectangle = Primitive::Kind::kRectangle;

}  // namespace

bool is_simulated(Topology topology) {
    switch (topology) {
        case Topology::kPointList:
        case Topology::kLineList:
        case Topology::kLineStrip:
        case Topology::kTriangleList:
        case Topology::kTriangleFan:
        case Topology::kTriangleStrip:
        case Topology::kPatch:
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

bool Assembler::add(const InputVertex& vertex) {
    if (topology_ == Topology::kLineLoop && held_.empty() && first_.empty())
        first_.push_back(vertex);
    held_.push_back(vertex);
    switch (topology_) {
        case Topology::kPointList:
            return list(kPoint, 1);
        case Topology::kLineList:
            return list(kLine, 2);
        case Topology::kLineStrip:
        case Topology::kLineLoop:
            return line_strip();
        case Topology::kTriangleList:
            return list(kTriangle, 3);
        case Topology::kRectangleList:
            return list(kRectangle, 3);
        case Topology::kTriangleStrip:
            return triangle_strip();
        case Topology::kPatch:
            return patch();
        case Topology::kLineListAdjacency:
            return line_adjacency(4);
        case Topology::kLineStripAdjacency:
            return line_adjacency(1);
        case Topology::kTriangleListAdjacency:
            return triangle_list_adjacency();
        case Topology::kTriangleStripAdjacency:
            return triangle_strip_adjacency(false);
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
        go_on = emit_line();
    }
    if (topology_ == Topology::kPolygon) go_on = polygon(true);
    if (topology_ == Topology::kTriangleStripAdjacency) go_on = triangle_strip_adjacency(true);
    held_.clear();
    first_.clear();
    in_strip_ = 0;
    return go_on;
}

bool Assembler::finish_instance() {
    const bool go_on = finish();
    next_id_ = 0;
    return go_on;
}

bool Assembler::list(Primitive::Kind kind, unsigned vertices) {
    if (held_.size() < vertices) return true;
    const unsigned provoking = provoking_last_ ? vertices - 1 : 0;
    const bool go_on = vertices == 1   ? emit(kind, {0}, provoking)
                       : vertices == 2 ? emit(kind, {0, 1}, provoking)
                                       : emit(kind, {0, 1, 2}, provoking);
    forget(vertices);
    return go_on;
}

bool Assembler::emit_line() {
    return emit(kLine, {0, 1}, provoking_last_ ? 1 : 0);
}

bool Assembler::line_strip() {
    if (held_.size() < 2) return true;
    const bool go_on = emit_line();
    forget(1);
    return go_on;
}

// Every other triangle turns the other way: two vertices change places, and not the provoking one.
bool Assembler::triangle_strip() {
    if (held_.size() < 3) return true;
    const bool odd = in_strip_ % 2;
    bool go_on;
    if (provoking_last_)
        go_on = odd ? emit(kTriangle, {1, 0, 2}, 2) : emit(kTriangle, {0, 1, 2}, 2);
    else
        go_on = odd ? emit(kTriangle, {0, 2, 1}, 0) : emit(kTriangle, {0, 1, 2}, 0);
    forget(1);
    return go_on;
}

bool Assembler::line_adjacency(unsigned step) {
    if (held_.size() < 4) return true;
    const bool go_on = emit(kLine, {0, 1, 2, 3}, provoking_last_ ? 1 : 0);
    forget(step);
    return go_on;
}

bool Assembler::triangle_list_adjacency() {
    if (held_.size() < 6) return true;
    const bool go_on = emit(kTriangle, {0, 1, 2, 3, 4, 5}, provoking_last_ ? 2 : 0);
    forget(6);
    return go_on;
}

// A strip of the even vertices. A triangle's neighbour across its last edge is the one after the
// next triangle's last vertex, or if it is the last one the vertex after its own. Its neighbour
// across its first edge is the one before it in the strip, of which the first triangle has none.
// The order is Vulkan's whichever vertex provokes: radeonsi fails OpenGL's tests of it on the chip,
// too (Mesa: ci/gfx9-raven-fail.csv).
bool Assembler::triangle_strip_adjacency(bool last) {
    const bool first = in_strip_ == 0, odd = in_strip_ % 2;
    const unsigned v = first ? 0 : 2;  // where its first vertex is held
    if (held_.size() < v + (last ? 6 : 8)) return true;
    const unsigned before = first ? 1 : 0, after = v + (last ? 5 : 6);
    const unsigned provoking = provoking_last_ ? 2 : 0;
    const bool go_on = odd ? emit(kTriangle, {v, v + 3, v + 4, after, v + 2, before}, provoking)
                           : emit(kTriangle, {v, before, v + 2, after, v + 4, v + 3}, provoking);
    if (!first) forget(2);
    return go_on;
}

bool Assembler::patch() {
    if (held_.size() < patch_vertices_) return true;
    InputPrimitive primitive;
    primitive.count = static_cast<uint8_t>(patch_vertices_);
    for (unsigned i = 0; i < patch_vertices_; i++) primitive.vertex[i] = &held_[i];
    const bool go_on = send(primitive);
    forget(patch_vertices_);
    return go_on;
}

// The provoking vertex is not the spoke's.
bool Assembler::fan() {
    if (held_.size() < 3) return true;
    const bool go_on =
        provoking_last_ ? emit(kTriangle, {0, 1, 2}, 2) : emit(kTriangle, {1, 2, 0}, 0);
    held_.erase(held_.begin() + 1);
    return go_on;
}

// A fan that is flat-shaded by its first vertex. Whether a triangle has the last edge shows when
// there is no further vertex.
bool Assembler::polygon(bool closes) {
    if (held_.size() < (closes ? 3 : 4)) return true;
    const unsigned edges = 2u | (in_strip_ == 0 ? 1u : 0u) | (closes ? 4u : 0u);
    continues_ = !closes;
    const bool go_on = emit(kTriangle, {0, 1, 2}, 0, edges);
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
    const auto halves = [&](Order first, unsigned provoking, unsigned edges, Order second,
                            unsigned second_provoking, unsigned second_edges) {
        continues_ = true;
        const bool go_on = emit(kTriangle, first, provoking, edges);
        continues_ = false;
        return go_on && emit(kTriangle, second, second_provoking, second_edges);
    };
    // The diagonal is an edge of neither.
    if (provoking_last_ && topology_ == Topology::kQuadStrip)
        return halves({a, b, c}, 2, 3, {a, c, d}, 1, 6);
    if (provoking_last_) return halves({a, b, d}, 2, 5, {b, c, d}, 2, 3);
    return halves({a, b, c}, 0, 3, {a, c, d}, 0, 6);
}

bool Assembler::emit(Primitive::Kind kind, Order vertices, unsigned provoking, unsigned edges) {
    InputPrimitive primitive;
    primitive.kind = kind;
    primitive.provoking = static_cast<uint8_t>(provoking);
    primitive.edges = static_cast<uint8_t>(edges);
    for (const unsigned vertex : vertices) primitive.vertex[primitive.count++] = &held_[vertex];
    return send(primitive);
}

bool Assembler::send(InputPrimitive& primitive) {
    primitive.id = next_id_;
    if (!continues_) next_id_++;
    primitives_++;
    in_strip_++;
    return sink_.primitive(primitive);
}

void Assembler::forget(size_t count) {
    held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace simgpu::gfx9::draw
