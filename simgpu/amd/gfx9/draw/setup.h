// From primitives to triangles on the screen: clipping, viewport, culling, wide lines and points.
#pragma once

#include "simgpu/amd/gfx9/draw/clipper.h"
#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/draw/geometry.h"
#include "simgpu/amd/gfx9/draw/raster_state.h"
#include "simgpu/amd/gfx9/draw/rasteriser.h"

namespace simgpu::gfx9::draw {

/// Properties of a polygon that its lines and points have, too.
struct Face {
    bool front = true;
    float depth_offset = 0;
};

class Setup final : public PrimitiveSink {
  public:
    Setup(const RasterState& state, PipelineCounters& counters, QuadSink& sink)
        : state_(state), counters_(counters), sink_(sink) {}

    bool primitive(const Primitive& primitive) override;

  private:
    bool polygon(const Primitive& primitive, const ClippedShape& shape);
    bool outline(const Primitive& polygon, FillMode mode, Face face);
    bool line(const Primitive& primitive, const ClippedShape& shape, Face face = {});
    bool point(const Primitive& primitive, const ClippedShape& shape, Face face = {});
    bool is_culled(ScreenTriangle& triangle, int64_t area) const;
    bool fill(const ScreenTriangle& triangle);

    const Viewport& viewport_of(const Primitive& primitive) const;
    ScreenTriangle start(const Primitive& primitive);
    Corner project(const ClipCorner& corner, const Viewport& viewport) const;
    float depth_offset(const ScreenTriangle& triangle) const;

    const RasterState& state_;
    PipelineCounters& counters_;
    QuadSink& sink_;
    uint64_t serial_ = 0;
};

}  // namespace simgpu::gfx9::draw
