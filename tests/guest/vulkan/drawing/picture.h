// A picture of rectangles, and what it must show.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "tools/vulkan/canvas.h"
#include "tools/vulkan/graphics_pipeline.h"

namespace viaduct::vulkan {

/// Push constants of rectangle.vert.
struct Rectangle {
    float left, top, right, bottom;  // -1 to 1
    float colour[4];
    float depth_left, depth_right;  // 0 to 1
};

/// Red, green, blue, alpha of one pixel.
using Rgba = std::array<int, 4>;

/// `value` as the nearest of 256 steps between 0 and 1.
int to_byte(double value);

/// Fails the test unless every pixel of `canvas` is within `tolerance` of `expected` at its place.
void expect_pixels(const Canvas& canvas, const std::function<Rgba(int x, int y)>& expected,
                   int tolerance);

class Picture {
  public:
    /// With several samples, each pixel is their mean.
    Picture(const Device& device, VkExtent2D size, Blending blending = Blending::kOff,
            VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT);

    /// Clears to `clear` and a depth of 1, then draws the rectangles, nearer ones over others. Each
    /// goes from black at its upper left to its colour's red on the right and green at the bottom.
    void draw(const std::array<float, 4>& clear, const std::vector<Rectangle>& rectangles);
    /// Fails the test unless every pixel is within `tolerance` of `expected` at its place.
    void expect(const std::function<Rgba(int x, int y)>& expected, int tolerance) const {
        expect_pixels(canvas_, expected, tolerance);
    }

  private:
    Canvas canvas_;
    GraphicsPipeline pipeline_;
};

}  // namespace viaduct::vulkan
