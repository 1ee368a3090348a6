// A picture that Vulkan draws: colour, depth, and a pipeline for rectangles.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "tools/vulkan/buffer.h"
#include "tools/vulkan/commands.h"
#include "tools/vulkan/device.h"

namespace viaduct::vulkan {

using OwnedImage = Owned<VkImage, vkDestroyImage>;
using OwnedImageView = Owned<VkImageView, vkDestroyImageView>;
using OwnedRenderPass = Owned<VkRenderPass, vkDestroyRenderPass>;
using OwnedFramebuffer = Owned<VkFramebuffer, vkDestroyFramebuffer>;

/// An image with memory of its own and a view of all of it.
class Image {
  public:
    Image(const Device& device, VkFormat format, VkExtent2D size, VkImageUsageFlags usage);

    VkImage get() const { return image_.get(); }
    VkImageView view() const { return view_.get(); }

  private:
    OwnedImage image_;
    OwnedMemory memory_;
    OwnedImageView view_;
};

/// Push constants of rectangle.vert.
struct Rectangle {
    float left, top, right, bottom;  // -1 to 1
    float colour[4];
    float depth_left, depth_right;  // 0 to 1
};

enum class Blending : uint8_t { kOff, kAlpha };

/// Red, green, blue, alpha of one pixel.
using Rgba = std::array<int, 4>;

class Picture {
  public:
    Picture(const Device& device, VkExtent2D size, Blending blending = Blending::kOff);

    /// Clears to `clear` and a depth of 1, then draws the rectangles, nearer ones over others. Each
    /// goes from black at its upper left to its colour's red on the right and green at the bottom.
    void draw(const std::array<float, 4>& clear, const std::vector<Rectangle>& rectangles);
    /// Fails the test unless every pixel is within `tolerance` of `expected` at its place.
    void expect(const std::function<Rgba(int x, int y)>& expected, int tolerance) const;

  private:
    void make_render_pass();
    void make_framebuffer();
    void make_pipeline(Blending blending);
    void record(VkCommandBuffer commands, const std::array<float, 4>& clear,
                const std::vector<Rectangle>& rectangles) const;

    const Device& device_;
    VkExtent2D size_;
    Image colour_;
    Image depth_;
    Buffer pixels_;
    OwnedRenderPass render_pass_;
    OwnedFramebuffer framebuffer_;
    OwnedPipelineLayout layout_;
    OwnedPipeline pipeline_;
};

}  // namespace viaduct::vulkan
