// Owners of Vulkan objects, and the error that a Vulkan call throws.
#pragma once

#include <vulkan/vulkan.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace viaduct::vulkan {

/// A Vulkan call failed. Programs for the guest report it and end, or expect it in a test.
class Error : public std::runtime_error {
  public:
    Error(VkResult result, const std::string& call);
    VkResult result() const { return result_; }

  private:
    VkResult result_;
};

/// Throws unless `result` is VK_SUCCESS; `call` names the function for the message.
void check(VkResult result, const char* call);

/// An object that a device made. Destroying the owner destroys the object.
template <typename T, auto kDestroy>
class Owned {
  public:
    Owned() = default;
    Owned(VkDevice device, T object) : device_(device), object_(object) {}
    Owned(Owned&& other) noexcept
        : device_(other.device_), object_(std::exchange(other.object_, T{})) {}
    Owned& operator=(Owned&& other) noexcept {
        std::swap(device_, other.device_);
        std::swap(object_, other.object_);
        return *this;
    }
    ~Owned() {
        if (object_ != T{}) kDestroy(device_, object_, nullptr);
    }

    T get() const { return object_; }

  private:
    VkDevice device_ = VK_NULL_HANDLE;
    T object_{};
};

using OwnedBuffer = Owned<VkBuffer, vkDestroyBuffer>;
using OwnedCommandPool = Owned<VkCommandPool, vkDestroyCommandPool>;
using OwnedDescriptorPool = Owned<VkDescriptorPool, vkDestroyDescriptorPool>;
using OwnedDescriptorSetLayout = Owned<VkDescriptorSetLayout, vkDestroyDescriptorSetLayout>;
using OwnedFence = Owned<VkFence, vkDestroyFence>;
using OwnedFramebuffer = Owned<VkFramebuffer, vkDestroyFramebuffer>;
using OwnedImage = Owned<VkImage, vkDestroyImage>;
using OwnedImageView = Owned<VkImageView, vkDestroyImageView>;
using OwnedMemory = Owned<VkDeviceMemory, vkFreeMemory>;
using OwnedPipeline = Owned<VkPipeline, vkDestroyPipeline>;
using OwnedPipelineLayout = Owned<VkPipelineLayout, vkDestroyPipelineLayout>;
using OwnedRenderPass = Owned<VkRenderPass, vkDestroyRenderPass>;
using OwnedSampler = Owned<VkSampler, vkDestroySampler>;
using OwnedSemaphore = Owned<VkSemaphore, vkDestroySemaphore>;
using OwnedShaderModule = Owned<VkShaderModule, vkDestroyShaderModule>;

}  // namespace viaduct::vulkan
