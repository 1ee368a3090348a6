// Window rectangles: which pixels are drawn, by what they lie in (PA_SC_CLIPRECT_*).
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/draw/geometry.h"
#include "simgpu/amd/gfx9/draw/rasteriser.h"

namespace simgpu::gfx9::draw {

/// A stage between the rasteriser and `next`, which outlives it. A pixel's number has a bit for
/// each rectangle that the pixel is in; it is drawn if the rule has the bit of that number.
class ClipRectangles final : public QuadSink {
  public:
    ClipRectangles(const RegisterReader& registers, QuadSink& next);

    /// Where triangles go: `next` itself if all pixels are drawn.
    QuadSink& sink();
    bool quad(const ScreenTriangle& triangle, const Quad& quad) override;
    bool next_rows() override { return next_.next_rows(); }

  private:
    static constexpr unsigned kRectangles = 4;
    static constexpr uint32_t kDrawAll = 0xffff;

    bool draws(int32_t x, int32_t y) const;

    QuadSink& next_;
    uint32_t rule_;
    std::array<Rectangle, kRectangles> rectangles_;
};

}  // namespace simgpu::gfx9::draw
