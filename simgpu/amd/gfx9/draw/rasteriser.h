// Which pixels a triangle covers.
#pragma once

#include <cstdint>

#include "simgpu/amd/gfx9/draw/geometry.h"
#include "simgpu/amd/gfx9/draw/sample_pattern.h"

namespace simgpu::gfx9::draw {

/// A block of 2x2 pixels that a triangle touches. Pixel i is at (x + i % 2, y + i / 2).
struct Quad {
    int32_t x = 0, y = 0;
    uint8_t covered = 0;      // bit per pixel: it has a covered sample
    uint8_t samples[4] = {};  // of each pixel: bit per sample
    /// How much of corner 1 and of corner 2 each pixel's centre is, linearly on the screen; of
    /// uncovered pixels too, for derivatives.
    double corner_weight[4][2];
    /// How these change per 1/256 of a pixel to the right and down.
    double weight_right[2], weight_down[2];
};

/// Takes the quads of a triangle. False: stop.
class QuadSink {
  public:
    virtual ~QuadSink() = default;
    virtual bool quad(const ScreenTriangle& triangle, const Quad& quad) = 0;
    /// Called for each two rows, however little of them is covered: triangles can be large.
    virtual bool next_rows() { return true; }
};

/// Fills `triangle` row by row. A sample belongs to it if it is inside, or on a top or left edge.
/// `pixel_centre` is the centre's place in a pixel, in 1/256; samples count from there.
bool rasterise(const ScreenTriangle& triangle, int32_t pixel_centre, const SamplePattern& samples,
               QuadSink& sink);

/// Twice the area in (1/256 pixel)^2: positive if the corners run clockwise, as seen on a screen
/// whose y grows downwards.
int64_t signed_area(const ScreenTriangle& triangle);

}  // namespace simgpu::gfx9::draw
