// Command buffers, submissions and compute pipelines.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "tools/vulkan/buffer.h"
#include "tools/vulkan/device.h"

namespace viaduct::vulkan {

/// Semaphores that a submission waits for and signals. `value` is ignored by binary semaphores.
struct SemaphorePoint {
    VkSemaphore semaphore = VK_NULL_HANDLE;
    uint64_t value = 0;
};

/// A command buffer for one queue, recorded once. Must outlive its execution.
class Commands {
  public:
    using Recorder = std::function<void(VkCommandBuffer)>;

    /// Records at once; ends with everything visible to the CPU.
    Commands(const Device& device, QueueKind kind, const Recorder& record);

    VkCommandBuffer get() const { return commands_; }
    /// `fence` may be VK_NULL_HANDLE.
    void submit(VkFence fence, std::span<const SemaphorePoint> wait = {},
                std::span<const SemaphorePoint> signal = {}) const;
    /// Submits and waits until it is done.
    void run() const;

  private:
    const Device& device_;
    QueueKind kind_;
    OwnedCommandPool pool_;
    VkCommandBuffer commands_ = VK_NULL_HANDLE;  // the pool's
};

/// Orders everything before it before everything after it, the CPU's reads included.
void full_barrier(VkCommandBuffer commands);

/// A compute shader with its storage buffers at bindings 0, 1, ... of set 0.
class ComputePipeline {
  public:
    /// `spirv`: the module; its entry point is "main". `push_bytes`: size of the push constants.
    ComputePipeline(const Device& device, std::span<const uint32_t> spirv,
                    std::span<const Buffer* const> buffers, uint32_t push_bytes = 0);

    void bind(VkCommandBuffer commands) const;
    template <typename T>
    void push(VkCommandBuffer commands, const T& constants) const {
        vkCmdPushConstants(commands, layout_.get(), VK_SHADER_STAGE_COMPUTE_BIT, 0, sizeof(T),
                           &constants);
    }

  private:
    void make_layout(uint32_t bindings, uint32_t push_bytes);
    void make_set(std::span<const Buffer* const> buffers);
    void make_pipeline(std::span<const uint32_t> spirv);

    const Device& device_;
    OwnedDescriptorSetLayout set_layout_;
    OwnedPipelineLayout layout_;
    OwnedPipeline pipeline_;
    OwnedDescriptorPool pool_;
    VkDescriptorSet set_ = VK_NULL_HANDLE;  // the pool's; none without buffers
};

}  // namespace viaduct::vulkan
