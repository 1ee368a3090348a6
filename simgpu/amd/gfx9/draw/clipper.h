// Clipping in homogeneous coordinates.
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/amd/gfx9/draw/geometry.h"
#include "simgpu/amd/gfx9/draw/raster_state.h"

namespace simgpu::gfx9::draw {

/// A corner before the perspective division.
struct ClipCorner {
    float position[4] = {};
    float weight[2] = {};  // of the original vertices 1 and 2
};

/// The part of a primitive that clipping leaves: a convex polygon, or the two ends of a line.
class ClippedShape {
  public:
    // Three corners, and one more for each plane: 2 of z, 4 of the guard band, w, 8 distances, 6 of
    // the program's.
    static constexpr unsigned kMost = 3 + 21;

    unsigned size() const { return size_; }
    const ClipCorner& operator[](unsigned i) const { return corners_[i]; }
    void add(const ClipCorner& corner) {
        if (size_ < kMost) corners_[size_++] = corner;
    }
    void clear() { size_ = 0; }

  private:
    std::array<ClipCorner, kMost> corners_;
    unsigned size_ = 0;
};

/// Empty if nothing is left. A point is there or is not.
ClippedShape clip(const Primitive& primitive, const ClipState& state);

}  // namespace simgpu::gfx9::draw
