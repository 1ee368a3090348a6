// Images with memory of their own.
#pragma once

#include "tools/vulkan/device.h"
#include "tools/vulkan/owned.h"

namespace viaduct::vulkan {

struct ImageOptions {
    VkFormat format = VK_FORMAT_R8G8B8A8_UNORM;
    VkExtent2D size{};
    VkImageUsageFlags usage = 0;
    uint32_t levels = 1;
    VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT;
};

/// A 2D image of the GPU's own memory, tiled as the driver likes, and a view of all of it. The
/// device must outlive it.
class Image {
  public:
    Image(const Device& device, const ImageOptions& options);

    VkImage get() const { return image_.get(); }
    VkImageView view() const { return view_.get(); }
    const ImageOptions& options() const { return options_; }
    /// Colour or depth, all levels.
    VkImageSubresourceRange whole() const;

  private:
    ImageOptions options_;
    OwnedImage image_;
    OwnedMemory memory_;
    OwnedImageView view_;
};

}  // namespace viaduct::vulkan
