// A colour and a depth image to draw to, and the pixels of the result.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "tools/vulkan/buffer.h"
#include "tools/vulkan/device.h"
#include "tools/vulkan/image.h"

namespace viaduct::vulkan {

/// RGBA of 8 bits each, and 32 bits of depth. With several samples, each pixel is their mean. The
/// device must outlive it.
class Canvas {
  public:
    using Recorder = std::function<void(VkCommandBuffer)>;

    Canvas(const Device& device, VkExtent2D size,
           VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT);

    VkExtent2D size() const { return size_; }
    VkSampleCountFlagBits samples() const { return samples_; }
    VkRenderPass render_pass() const { return render_pass_.get(); }
    /// Clears to `clear` and a depth of 1, then does what `record` records; waits for it.
    void draw(const std::array<float, 4>& clear, const Recorder& record) const;
    /// The picture after draw(), row by row: 0xAABBGGRR.
    std::span<const uint32_t> pixels() const { return pixels_.as<const uint32_t>(); }

  private:
    bool resolves() const { return samples_ != VK_SAMPLE_COUNT_1_BIT; }
    void make_render_pass();
    void make_framebuffer();

    const Device& device_;
    VkExtent2D size_;
    VkSampleCountFlagBits samples_;
    Image colour_;
    std::optional<Image> sampled_;  // drawn to instead of colour_, if it has several samples
    Image depth_;
    Buffer pixels_;
    OwnedRenderPass render_pass_;
    OwnedFramebuffer framebuffer_;
};

}  // namespace viaduct::vulkan
