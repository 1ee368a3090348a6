#include "simgpu/amd/gfx9/draw/setup.h"

#include <algorithm>
#include <cmath>

namespace simgpu::gfx9::draw {

namespace {

// Coordinates have 16 bits before the point; beyond them they saturate.
int32_t snap(float pixels) {
    constexpr float kLimit = 32767.0f * kSubpixels;
    const float scaled = pixels * kSubpixels;
    return static_cast<int32_t>(std::lrint(std::clamp(scaled, -kLimit, kLimit)));
}

int32_t to_subpixels(float pixels) {
    return snap(pixels);
}

double exponent_of_largest(const ScreenTriangle& triangle) {
    double largest = 0;
    for (const Corner& corner : triangle.corner)
        largest = std::max(largest, std::abs(static_cast<double>(corner.z)));
    return largest > 0 ? std::floor(std::log2(largest)) : -126;
}

/// The steeper of the two slopes of z over the screen, per pixel.
double slope(const ScreenTriangle& triangle, double area) {
    const auto& c = triangle.corner;
    const double z1 = c[1].z - c[0].z, z2 = c[2].z - c[0].z;
    const double dx = z1 * (c[2].y - c[0].y) - z2 * (c[1].y - c[0].y);
    const double dy = z2 * (c[1].x - c[0].x) - z1 * (c[2].x - c[0].x);
    return std::max(std::abs(dx), std::abs(dy)) * kSubpixels / std::abs(area);
}

Corner moved(Corner corner, int32_t x, int32_t y) {
    corner.x += x;
    corner.y += y;
    return corner;
}

}  // namespace

bool Setup::primitive(const Primitive& primitive) {
    counters_.clipper_invocations++;
    if (state_.kill_all) return true;
    const ClippedShape shape = clip(primitive, state_.clip);
    switch (primitive.kind) {
        case Primitive::Kind::kPoint:
            return shape.size() < 1 || point(primitive, shape);
        case Primitive::Kind::kLine:
            return shape.size() < 2 || line(primitive, shape);
        default:
            return shape.size() < 3 || polygon(primitive, shape);
    }
}

const Viewport& Setup::viewport_of(const Primitive& primitive) const {
    const uint32_t index = primitive.vertex[primitive.provoking]->viewport;
    return state_.viewports[index < kViewports ? index : 0];
}

ScreenTriangle Setup::start(const Primitive& primitive) {
    const Viewport& viewport = viewport_of(primitive);
    ScreenTriangle triangle;
    triangle.primitive = &primitive;
    triangle.serial = ++serial_;
    triangle.layer = primitive.vertex[primitive.provoking]->layer;
    triangle.bounds = viewport.scissor;
    triangle.z_min = std::min(viewport.z_min, viewport.z_max);
    triangle.z_max = std::max(viewport.z_min, viewport.z_max);
    return triangle;
}

Corner Setup::project(const ClipCorner& corner, const Viewport& viewport) const {
    const float w = corner.position[3];
    const float inverse_w = state_.clip.invert_w ? 1.0f / w : w;
    const float xy = state_.clip.divide_xy ? inverse_w : 1.0f;
    const float z = state_.clip.divide_z ? inverse_w : 1.0f;
    Corner projected;
    projected.x = snap(corner.position[0] * xy * viewport.scale[0] + viewport.offset[0]);
    projected.y = snap(corner.position[1] * xy * viewport.scale[1] + viewport.offset[1]);
    projected.z = corner.position[2] * z * viewport.scale[2] + viewport.offset[2];
    projected.inverse_w = inverse_w;
    std::copy_n(corner.weight, 2, projected.weight);
    return projected;
}

bool Setup::polygon(const Primitive& primitive, const ClippedShape& shape) {
    const Viewport& viewport = viewport_of(primitive);
    ScreenTriangle triangle = start(primitive);
    triangle.fills_rectangle = primitive.kind == Primitive::Kind::kRectangle;
    triangle.corner[0] = project(shape[0], viewport);
    for (unsigned i = 2; i < shape.size(); i++) {
        triangle.corner[1] = project(shape[i - 1], viewport);
        triangle.corner[2] = project(shape[i], viewport);
        const int64_t area = signed_area(triangle);
        if (area == 0) continue;
        if (is_culled(triangle, area)) return true;  // as are the others
        triangle.depth_offset = depth_offset(triangle);
        const FillMode mode = triangle.front ? state_.front_fill : state_.back_fill;
        if (mode != FillMode::kTriangles && !triangle.fills_rectangle)
            return outline(primitive, mode, {triangle.front, triangle.depth_offset});
        if (!fill(triangle)) return false;
    }
    return true;
}

/// Finds out which face is seen.
bool Setup::is_culled(ScreenTriangle& triangle, int64_t area) const {
    if (triangle.fills_rectangle) return false;
    triangle.front = (area > 0) == state_.front_is_clockwise;
    return triangle.front ? state_.cull_front : state_.cull_back;
}

// The edges of the whole polygon, clipped as lines: where it is cut there is none.
bool Setup::outline(const Primitive& polygon, FillMode mode, Face face) {
    ClipState clip_state = state_.clip;
    clip_state.cull_distances = 0;  // the polygon has been there
    for (unsigned from = 0; from < 3; from++) {
        if (!(polygon.edges >> from & 1)) continue;
        Primitive part;
        part.kind = mode == FillMode::kLines ? Primitive::Kind::kLine : Primitive::Kind::kPoint;
        part.vertex = {polygon.vertex[from], polygon.vertex[(from + 1) % 3],
                       polygon.vertex[polygon.provoking]};
        part.provoking = 2;
        const ClippedShape shape = clip(part, clip_state);
        if (shape.size() < part.count()) continue;
        const bool go_on =
            mode == FillMode::kLines ? line(part, shape, face) : point(part, shape, face);
        if (!go_on) return false;
    }
    return true;
}

bool Setup::fill(const ScreenTriangle& triangle) {
    counters_.clipper_primitives++;
    return triangle.bounds.empty() ||
           rasterise(triangle, state_.pixel_centre, state_.samples, sink_);
}

float Setup::depth_offset(const ScreenTriangle& triangle) const {
    const DepthOffset& offset = triangle.front ? state_.front_offset : state_.back_offset;
    if (!offset.enabled) return 0;
    const double unit = state_.offset_is_float
                            ? std::exp2(exponent_of_largest(triangle) + state_.offset_bits)
                            : std::exp2(static_cast<double>(state_.offset_bits));
    double total = offset.scale * slope(triangle, static_cast<double>(signed_area(triangle))) +
                   offset.units * unit;
    const double limit = state_.offset_clamp;
    if (limit > 0) total = std::min(total, limit);
    if (limit < 0) total = std::max(total, limit);
    return static_cast<float>(total);
}

// A line is widened along its minor axis only, so that each step along the other one has as many
// pixels as the line is wide.
bool Setup::line(const Primitive& primitive, const ClippedShape& shape, Face face) {
    const Viewport& viewport = viewport_of(primitive);
    const Corner a = project(shape[0], viewport), b = project(shape[1], viewport);
    const bool steep = std::abs(b.y - a.y) > std::abs(b.x - a.x);
    const int32_t half = to_subpixels(state_.half_line_width);
    const int32_t x = steep ? half : 0, y = steep ? 0 : half;
    ScreenTriangle triangle = start(primitive);
    triangle.front = face.front;
    triangle.depth_offset = face.depth_offset;
    triangle.corner = {moved(a, -x, -y), moved(b, -x, -y), moved(b, x, y)};
    if (!fill(triangle)) return false;
    triangle.corner = {moved(a, -x, -y), moved(b, x, y), moved(a, x, y)};
    counters_.clipper_primitives--;  // the other half of one line
    return fill(triangle);
}

// A square. Weights run over it from 0 to 1: sprite coordinates.
bool Setup::point(const Primitive& primitive, const ClippedShape& shape, Face face) {
    const float wanted =
        state_.outputs.point_size ? primitive.vertex[0]->point_size / 2 : state_.half_point_size;
    const float half_size = std::clamp(wanted, state_.half_point_min,
                                       std::max(state_.half_point_min, state_.half_point_max));
    const int32_t half = to_subpixels(half_size);
    Corner centre = project(shape[0], viewport_of(primitive));
    centre.weight[0] = centre.weight[1] = 0;
    ScreenTriangle triangle = start(primitive);
    triangle.front = face.front;
    triangle.depth_offset = face.depth_offset;
    triangle.is_point = triangle.fills_rectangle = true;
    triangle.corner = {moved(centre, -half, -half), moved(centre, half, -half),
                       moved(centre, -half, half)};
    triangle.corner[1].weight[0] = 1;
    triangle.corner[2].weight[1] = 1;
    return fill(triangle);
}

}  // namespace simgpu::gfx9::draw
