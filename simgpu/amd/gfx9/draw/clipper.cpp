#include "simgpu/amd/gfx9/draw/clipper.h"

#include <algorithm>
#include <cmath>

namespace simgpu::gfx9::draw {

namespace {

// Corners in front of the eye, far enough for a division.
constexpr float kSmallestW = 1e-30f;

/// Distance of a corner to a plane; inside is where it is not negative.
class Plane {
  public:
    enum class Kind : uint8_t { kNear, kNearFromZero, kFar, kW, kGuardBand, kDistance, kUser };

    Plane(Kind kind, unsigned index = 0, float factor = 1)
        : kind_(kind), index_(index), factor_(factor) {}
    explicit Plane(const float (&user)[4]) : kind_(Kind::kUser), user_(user) {}

    float distance(const ClipCorner& corner, const Primitive& primitive) const {
        const float* p = corner.position;
        switch (kind_) {
            case Kind::kNear:
                return p[2] + p[3];
            case Kind::kNearFromZero:
                return p[2];
            case Kind::kFar:
                return p[3] - p[2];
            case Kind::kW:
                return p[3] - kSmallestW;
            case Kind::kGuardBand:
                return factor_ * p[3] - (index_ & 1 ? -p[index_ / 2] : p[index_ / 2]);
            case Kind::kDistance:
                return user_distance(corner, primitive);
            case Kind::kUser:
                return p[0] * user_[0] + p[1] * user_[1] + p[2] * user_[2] + p[3] * user_[3];
        }
        return 0;
    }

  private:
    float user_distance(const ClipCorner& corner, const Primitive& primitive) const {
        const float d0 = primitive.vertex[0]->distance[index_];
        float sum = d0;
        for (unsigned i = 1; i < primitive.count(); i++)
            sum += corner.weight[i - 1] * (primitive.vertex[i]->distance[index_] - d0);
        return sum;
    }

    Kind kind_;
    unsigned index_ = 0;
    float factor_ = 1;
    const float* user_ = nullptr;  // the plane's equation
};

ClipCorner between(const ClipCorner& a, const ClipCorner& b, float t) {
    ClipCorner corner;
    for (unsigned i = 0; i < 4; i++)
        corner.position[i] = a.position[i] + t * (b.position[i] - a.position[i]);
    for (unsigned i = 0; i < 2; i++)
        corner.weight[i] = a.weight[i] + t * (b.weight[i] - a.weight[i]);
    return corner;
}

// The part of the outline on the plane's inner side. A line's outline does not close.
ClippedShape cut(const ClippedShape& shape, const Plane& plane, const Primitive& primitive) {
    const bool closed = primitive.count() == 3;
    ClippedShape left;
    for (unsigned i = 0; i < shape.size(); i++) {
        const ClipCorner& here = shape[i];
        const float distance = plane.distance(here, primitive);
        if (distance >= 0) left.add(here);
        if (i + 1 == shape.size() && !closed) break;
        const ClipCorner& next = shape[(i + 1) % shape.size()];
        const float next_distance = plane.distance(next, primitive);
        // From the inner end, so that triangles that share an edge cut it at the same place.
        if (distance >= 0 && next_distance < 0)
            left.add(between(here, next, distance / (distance - next_distance)));
        else if (distance < 0 && next_distance >= 0)
            left.add(between(next, here, next_distance / (next_distance - distance)));
    }
    return left;
}

bool culled(const Primitive& primitive, uint8_t distances) {
    for (unsigned i = 0; i < kClipDistances; i++) {
        if (!(distances >> i & 1)) continue;
        bool all_outside = true;
        for (unsigned v = 0; v < primitive.count(); v++)
            all_outside = all_outside && !(primitive.vertex[v]->distance[i] >= 0);
        if (all_outside) return true;
    }
    return false;
}

bool all_finite(const Primitive& primitive) {
    for (unsigned v = 0; v < primitive.count(); v++)
        for (float coordinate : primitive.vertex[v]->position)
            if (!std::isfinite(coordinate)) return false;
    return true;
}

class Clipping {
  public:
    Clipping(const Primitive& primitive, const ClipState& state)
        : primitive_(primitive), state_(state) {
        for (unsigned i = 0; i < primitive.count(); i++) {
            ClipCorner corner;
            std::copy_n(primitive.vertex[i]->position, 4, corner.position);
            if (i) corner.weight[i - 1] = 1;
            shape_.add(corner);
        }
    }

    ClippedShape run() {
        if (!state_.enabled) return shape_;
        if (state_.near)
            apply(state_.z_from_zero ? Plane::Kind::kNearFromZero : Plane::Kind::kNear);
        if (state_.far) apply(Plane::Kind::kFar);
        apply(Plane::Kind::kW);
        // A point larger than a pixel may reach into view from outside.
        if (primitive_.kind != Primitive::Kind::kPoint)
            for (unsigned side = 0; side < 4; side++)
                apply(Plane::Kind::kGuardBand, side, state_.guard_band[side / 2]);
        for (unsigned i = 0; i < kClipDistances; i++)
            if (state_.clip_distances >> i & 1) apply(Plane::Kind::kDistance, i);
        for (unsigned i = 0; i < kClipPlanes; i++)
            if (state_.planes >> i & 1) apply(Plane(state_.plane[i]));
        return shape_;
    }

  private:
    void apply(Plane::Kind kind, unsigned index = 0, float factor = 1) {
        apply(Plane(kind, index, factor));
    }
    void apply(const Plane& plane) {
        bool inside = true;
        for (unsigned i = 0; i < shape_.size(); i++)
            inside = inside && plane.distance(shape_[i], primitive_) >= 0;
        if (!inside) shape_ = cut(shape_, plane, primitive_);
    }

    const Primitive& primitive_;
    const ClipState& state_;
    ClippedShape shape_;
};

}  // namespace

ClippedShape clip(const Primitive& primitive, const ClipState& state) {
    if (!all_finite(primitive) || culled(primitive, state.cull_distances)) return {};
    // A rectangle's corners are what its driver has computed, always in view.
    if (primitive.kind == Primitive::Kind::kRectangle) {
        ClipState off = state;
        off.enabled = false;
        return Clipping(primitive, off).run();
    }
    return Clipping(primitive, state).run();
}

}  // namespace simgpu::gfx9::draw
