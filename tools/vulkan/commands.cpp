#include "tools/vulkan/commands.h"

#include <algorithm>

namespace viaduct::vulkan {
namespace {

OwnedCommandPool make_pool(const Device& device, QueueKind kind) {
    VkCommandPoolCreateInfo create{VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO};
    create.queueFamilyIndex = device.queue_family(kind);
    VkCommandPool pool = VK_NULL_HANDLE;
    check(vkCreateCommandPool(device.get(), &create, nullptr, &pool), "vkCreateCommandPool");
    return {device.get(), pool};
}

// The two arrays that Vulkan wants for a list of points.
struct PointArrays {
    explicit PointArrays(std::span<const SemaphorePoint> points) {
        for (const SemaphorePoint& point : points) {
            semaphores.push_back(point.semaphore);
            values.push_back(point.value);
        }
    }
    uint32_t count() const { return static_cast<uint32_t>(values.size()); }

    std::vector<VkSemaphore> semaphores;
    std::vector<uint64_t> values;
};

}  // namespace

void full_barrier(VkCommandBuffer commands) {
    VkMemoryBarrier barrier{VK_STRUCTURE_TYPE_MEMORY_BARRIER};
    barrier.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT | VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                         &barrier, 0, nullptr, 0, nullptr);
}

Commands::Commands(const Device& device, QueueKind kind, const Recorder& record)
    : device_(device), kind_(kind), pool_(make_pool(device, kind)) {
    VkCommandBufferAllocateInfo allocate{VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO};
    allocate.commandPool = pool_.get();
    allocate.level = VK_COMMAND_BUFFER_LEVEL_PRIMARY;
    allocate.commandBufferCount = 1;
    check(vkAllocateCommandBuffers(device.get(), &allocate, &commands_),
          "vkAllocateCommandBuffers");
    VkCommandBufferBeginInfo begin{VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
    begin.flags = VK_COMMAND_BUFFER_USAGE_SIMULTANEOUS_USE_BIT;
    check(vkBeginCommandBuffer(commands_, &begin), "vkBeginCommandBuffer");
    record(commands_);
    full_barrier(commands_);
    check(vkEndCommandBuffer(commands_), "vkEndCommandBuffer");
}

void Commands::submit(VkFence fence, std::span<const SemaphorePoint> wait,
                      std::span<const SemaphorePoint> signal) const {
    const PointArrays waits(wait);
    const PointArrays signals(signal);
    const std::vector<VkPipelineStageFlags> stages(wait.size(), VK_PIPELINE_STAGE_ALL_COMMANDS_BIT);
    VkTimelineSemaphoreSubmitInfo values{VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO};
    values.waitSemaphoreValueCount = waits.count();
    values.pWaitSemaphoreValues = waits.values.data();
    values.signalSemaphoreValueCount = signals.count();
    values.pSignalSemaphoreValues = signals.values.data();

    VkSubmitInfo submit{VK_STRUCTURE_TYPE_SUBMIT_INFO};
    if (device_.features().timeline_semaphores) submit.pNext = &values;
    submit.waitSemaphoreCount = waits.count();
    submit.pWaitSemaphores = waits.semaphores.data();
    submit.pWaitDstStageMask = stages.data();
    submit.commandBufferCount = 1;
    submit.pCommandBuffers = &commands_;
    submit.signalSemaphoreCount = signals.count();
    submit.pSignalSemaphores = signals.semaphores.data();
    check(vkQueueSubmit(device_.queue(kind_), 1, &submit, fence), "vkQueueSubmit");
}

void Commands::run() const {
    const OwnedFence fence = device_.make_fence();
    submit(fence.get());
    device_.wait(fence.get());
}

ComputePipeline::ComputePipeline(const Device& device, std::span<const uint32_t> spirv,
                                 std::span<const Buffer* const> buffers, uint32_t push_bytes)
    : device_(device) {
    make_layout(static_cast<uint32_t>(buffers.size()), push_bytes);
    if (!buffers.empty()) make_set(buffers);
    make_pipeline(spirv);
}

void ComputePipeline::make_layout(uint32_t bindings, uint32_t push_bytes) {
    std::vector<VkDescriptorSetLayoutBinding> entries;
    for (uint32_t i = 0; i < bindings; ++i)
        entries.push_back(
            {i, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr});
    VkDescriptorSetLayoutCreateInfo set_create{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    set_create.bindingCount = bindings;
    set_create.pBindings = entries.data();
    VkDescriptorSetLayout set_layout = VK_NULL_HANDLE;
    check(vkCreateDescriptorSetLayout(device_.get(), &set_create, nullptr, &set_layout),
          "vkCreateDescriptorSetLayout");
    set_layout_ = {device_.get(), set_layout};

    const VkPushConstantRange range{VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes};
    VkPipelineLayoutCreateInfo create{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    create.setLayoutCount = 1;
    create.pSetLayouts = &set_layout;
    create.pushConstantRangeCount = push_bytes == 0 ? 0 : 1;
    create.pPushConstantRanges = &range;
    VkPipelineLayout layout = VK_NULL_HANDLE;
    check(vkCreatePipelineLayout(device_.get(), &create, nullptr, &layout),
          "vkCreatePipelineLayout");
    layout_ = {device_.get(), layout};
}

void ComputePipeline::make_set(std::span<const Buffer* const> buffers) {
    const auto count = static_cast<uint32_t>(buffers.size());
    const VkDescriptorPoolSize pool_size{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, count};
    VkDescriptorPoolCreateInfo create{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    create.maxSets = 1;
    create.poolSizeCount = 1;
    create.pPoolSizes = &pool_size;
    VkDescriptorPool pool = VK_NULL_HANDLE;
    check(vkCreateDescriptorPool(device_.get(), &create, nullptr, &pool), "vkCreateDescriptorPool");
    pool_ = {device_.get(), pool};

    const VkDescriptorSetLayout set_layout = set_layout_.get();
    VkDescriptorSetAllocateInfo allocate{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    allocate.descriptorPool = pool;
    allocate.descriptorSetCount = 1;
    allocate.pSetLayouts = &set_layout;
    check(vkAllocateDescriptorSets(device_.get(), &allocate, &set_), "vkAllocateDescriptorSets");

    std::vector<VkDescriptorBufferInfo> infos;
    for (const Buffer* buffer : buffers) infos.push_back({buffer->get(), 0, VK_WHOLE_SIZE});
    VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    write.dstSet = set_;
    write.descriptorCount = count;
    write.descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
    write.pBufferInfo = infos.data();
    vkUpdateDescriptorSets(device_.get(), 1, &write, 0, nullptr);
}

void ComputePipeline::make_pipeline(std::span<const uint32_t> spirv) {
    VkShaderModuleCreateInfo module_create{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    module_create.codeSize = spirv.size_bytes();
    module_create.pCode = spirv.data();
    VkShaderModule shader = VK_NULL_HANDLE;
    check(vkCreateShaderModule(device_.get(), &module_create, nullptr, &shader),
          "vkCreateShaderModule");
    const OwnedShaderModule owned_shader(device_.get(), shader);

    VkComputePipelineCreateInfo create{VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO};
    create.stage = {VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO};
    create.stage.stage = VK_SHADER_STAGE_COMPUTE_BIT;
    create.stage.module = shader;
    create.stage.pName = "main";
    create.layout = layout_.get();
    VkPipeline pipeline = VK_NULL_HANDLE;
    check(vkCreateComputePipelines(device_.get(), VK_NULL_HANDLE, 1, &create, nullptr, &pipeline),
          "vkCreateComputePipelines");
    pipeline_ = {device_.get(), pipeline};
}

void ComputePipeline::bind(VkCommandBuffer commands) const {
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline_.get());
    if (set_ != VK_NULL_HANDLE)
        vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout_.get(), 0, 1,
                                &set_, 0, nullptr);
}

}  // namespace viaduct::vulkan
