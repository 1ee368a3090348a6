// Pipelines that draw triangles.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tools/vulkan/canvas.h"
#include "tools/vulkan/device.h"

namespace viaduct::vulkan {

enum class Blending : uint8_t { kOff, kAlpha };

struct GraphicsOptions {
    /// SPIR-V modules; the entry points are "main".
    std::span<const uint32_t> vertex;
    std::span<const uint32_t> fragment;
    /// Stages that are empty are left out.
    std::span<const uint32_t> control, evaluation, geometry;
    uint32_t patch_vertices = 0;  // of a patch, where there is tessellation
    /// Of binding 0: bytes from one vertex to the next, and its attributes. 0: no buffer.
    uint32_t stride = 0;
    std::vector<VkVertexInputAttributeDescription> attributes;
    VkPrimitiveTopology topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST;
    /// Counter-clockwise triangles are in front, as on the screen with y downwards.
    VkCullModeFlags cull = VK_CULL_MODE_NONE;
    Blending blending = Blending::kOff;
    uint32_t push_bytes = 0;               // of push constants, for both stages
    VkImageView texture = VK_NULL_HANDLE;  // at binding 0 of set 0, with `sampler`
    VkSampler sampler = VK_NULL_HANDLE;
};

/// Draws all over a canvas, nearer pixels over others. Device and canvas must outlive it.
class GraphicsPipeline {
  public:
    GraphicsPipeline(const Device& device, const Canvas& canvas, const GraphicsOptions& options);

    void bind(VkCommandBuffer commands) const;
    template <typename T>
    void push(VkCommandBuffer commands, const T& constants) const {
        vkCmdPushConstants(commands, layout_.get(), kStages, 0, sizeof(T), &constants);
    }

  private:
    static constexpr VkShaderStageFlags kStages =
        VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;

    void make_set(const GraphicsOptions& options);
    void make_layout(uint32_t push_bytes);
    void make_pipeline(const Canvas& canvas, const GraphicsOptions& options);

    const Device& device_;
    OwnedDescriptorSetLayout set_layout_;
    OwnedDescriptorPool pool_;
    VkDescriptorSet set_ = VK_NULL_HANDLE;  // the pool's; none without a texture
    OwnedPipelineLayout layout_;
    OwnedPipeline pipeline_;
};

}  // namespace viaduct::vulkan
