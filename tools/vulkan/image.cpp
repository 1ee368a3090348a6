#include "tools/vulkan/image.h"

namespace viaduct::vulkan {
namespace {

bool is_depth(VkFormat format) {
    return format == VK_FORMAT_D16_UNORM || format == VK_FORMAT_D32_SFLOAT;
}

OwnedImage make_image(const Device& device, const ImageOptions& options) {
    VkImageCreateInfo create{VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO};
    create.imageType = VK_IMAGE_TYPE_2D;
    create.format = options.format;
    create.extent = {options.size.width, options.size.height, 1};
    create.mipLevels = options.levels;
    create.arrayLayers = 1;
    create.samples = options.samples;
    create.usage = options.usage;
    VkImage image = VK_NULL_HANDLE;
    check(vkCreateImage(device.get(), &create, nullptr, &image), "vkCreateImage");
    return {device.get(), image};
}

OwnedMemory make_memory(const Device& device, VkImage image) {
    VkMemoryRequirements needs;
    vkGetImageMemoryRequirements(device.get(), image, &needs);
    VkMemoryAllocateInfo allocate{VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
    allocate.allocationSize = needs.size;
    allocate.memoryTypeIndex =
        device.memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    VkDeviceMemory memory = VK_NULL_HANDLE;
    check(vkAllocateMemory(device.get(), &allocate, nullptr, &memory), "vkAllocateMemory");
    OwnedMemory owned(device.get(), memory);
    check(vkBindImageMemory(device.get(), image, memory, 0), "vkBindImageMemory");
    return owned;
}

OwnedImageView make_view(const Device& device, const Image& image) {
    VkImageViewCreateInfo create{VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO};
    create.image = image.get();
    create.viewType = VK_IMAGE_VIEW_TYPE_2D;
    create.format = image.options().format;
    create.subresourceRange = image.whole();
    VkImageView view = VK_NULL_HANDLE;
    check(vkCreateImageView(device.get(), &create, nullptr, &view), "vkCreateImageView");
    return {device.get(), view};
}

}  // namespace

Image::Image(const Device& device, const ImageOptions& options)
    : options_(options),
      image_(make_image(device, options)),
      memory_(make_memory(device, image_.get())),
      view_(make_view(device, *this)) {}

VkImageSubresourceRange Image::whole() const {
    const VkImageAspectFlags aspect =
        is_depth(options_.format) ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT;
    return {aspect, 0, options_.levels, 0, 1};
}

}  // namespace viaduct::vulkan
