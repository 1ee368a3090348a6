// A colour and a depth image to draw to, and the pixels of the result.
#pragma once

#include <array>
#include <functional>

#include "tools/vulkan/buffer.h"
#include "tools/vulkan/device.h"
#include "tools/vulkan/image.h"

namespace viaduct::vulkan {

/// RGBA of 8 bits each, and 32 bits of depth. The device must outlive it.
class Canvas {
  public:
    using Recorder = std::function<void(VkCommandBuffer)>;

    Canvas(const Device& device, VkExtent2D size);

    VkExtent2D size() const { return size_; }
    VkRenderPass render_pass() const { return render_pass_.get(); }
    /// Clears to `clear` and a depth of 1, then does what `record` records; waits for it.
    void draw(const std::array<float, 4>& clear, const Recorder& record) const;
    /// The picture after draw(), row by row: 0xAABBGGRR.
    std::span<const uint32_t> pixels() const { return pixels_.as<const uint32_t>(); }

  private:
    void make_render_pass();
    void make_framebuffer();

    const Device& device_;
    VkExtent2D size_;
    Image colour_;
    Image depth_;
    Buffer pixels_;
    OwnedRenderPass render_pass_;
    OwnedFramebuffer framebuffer_;
};

}  // namespace viaduct::vulkan
