#include "tests/guest/vulkan/drawing/picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

// Built from gradient.frag and rectangle.vert.
#include "gradient.spv.h"
#include "rectangle.spv.h"

namespace viaduct::vulkan {

Picture::Picture(const Device& device, VkExtent2D size, Blending blending,
                 VkSampleCountFlagBits samples)
    : canvas_(device, size, samples),
      pipeline_(device, canvas_,
                {.vertex = rectangle_spirv,
                 .fragment = gradient_spirv,
                 .attributes = {},
                 .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP,
                 .blending = blending,
                 .push_bytes = sizeof(Rectangle)}) {}

void Picture::draw(const std::array<float, 4>& clear, const std::vector<Rectangle>& rectangles) {
    canvas_.draw(clear, [&](VkCommandBuffer commands) {
        pipeline_.bind(commands);
        for (const Rectangle& rectangle : rectangles) {
            pipeline_.push(commands, rectangle);
            vkCmdDraw(commands, 4, 1, 0, 0);
        }
    });
}

int to_byte(double value) {
    return static_cast<int>(std::lround(std::clamp(value, 0.0, 1.0) * 255));
}

void expect_pixels(const Canvas& canvas, const std::function<Rgba(int x, int y)>& expected,
                   int tolerance) {
    const auto pixels = canvas.pixels();
    const auto width = static_cast<int>(canvas.size().width),
               height = static_cast<int>(canvas.size().height);
    int wrong = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const Rgba want = expected(x, y);
            bool right = true;
            std::string got;
            for (size_t c = 0; c < 4; c++) {
                const int value =
                    static_cast<int>(pixels[static_cast<size_t>(y * width + x)] >> 8 * c & 255U);
                right = right && std::abs(value - want[c]) <= tolerance;
                got += " " + std::to_string(value);
            }
            if (!right && wrong++ < 5)
                ADD_FAILURE() << "pixel " << x << "," << y << " is" << got << ", not " << want[0]
                              << " " << want[1] << " " << want[2] << " " << want[3];
        }
    EXPECT_EQ(wrong, 0) << "of " << width * height << " pixels";
}

}  // namespace viaduct::vulkan
