#include "tools/vulkan/graphics_pipeline.h"

#include <utility>

namespace viaduct::vulkan {
namespace {

OwnedShaderModule make_module(const Device& device, std::span<const uint32_t> words) {
    VkShaderModuleCreateInfo create{VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO};
    create.codeSize = words.size_bytes();
    create.pCode = words.data();
    VkShaderModule module = VK_NULL_HANDLE;
    check(vkCreateShaderModule(device.get(), &create, nullptr, &module), "vkCreateShaderModule");
    return {device.get(), module};
}

VkPipelineShaderStageCreateInfo stage(VkShaderStageFlagBits which,
                                      const OwnedShaderModule& module) {
    VkPipelineShaderStageCreateInfo create{VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO};
    create.stage = which;
    create.module = module.get();
    create.pName = "main";
    return create;
}

VkPipelineColorBlendAttachmentState blend_state(Blending blending) {
    VkPipelineColorBlendAttachmentState state{};
    state.blendEnable = blending == Blending::kAlpha ? VK_TRUE : VK_FALSE;
    state.srcColorBlendFactor = state.srcAlphaBlendFactor = VK_BLEND_FACTOR_SRC_ALPHA;
    state.dstColorBlendFactor = state.dstAlphaBlendFactor = VK_BLEND_FACTOR_ONE_MINUS_SRC_ALPHA;
    state.colorWriteMask = 15;
    return state;
}

}  // namespace

GraphicsPipeline::GraphicsPipeline(const Device& device, const Canvas& canvas,
                                   const GraphicsOptions& options)
    : device_(device) {
    if (options.texture != VK_NULL_HANDLE) make_set(options);
    make_layout(options.push_bytes);
    make_pipeline(canvas, options);
}

void GraphicsPipeline::make_set(const GraphicsOptions& options) {
    constexpr auto kType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER;
    const VkDescriptorSetLayoutBinding binding{0, kType, 1, kStages, nullptr};
    VkDescriptorSetLayoutCreateInfo layout_create{
        VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO};
    layout_create.bindingCount = 1;
    layout_create.pBindings = &binding;
    VkDescriptorSetLayout layout = VK_NULL_HANDLE;
    check(vkCreateDescriptorSetLayout(device_.get(), &layout_create, nullptr, &layout),
          "vkCreateDescriptorSetLayout");
    set_layout_ = {device_.get(), layout};

    const VkDescriptorPoolSize pool_size{kType, 1};
    VkDescriptorPoolCreateInfo pool_create{VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO};
    pool_create.maxSets = 1;
    pool_create.poolSizeCount = 1;
    pool_create.pPoolSizes = &pool_size;
    VkDescriptorPool pool = VK_NULL_HANDLE;
    check(vkCreateDescriptorPool(device_.get(), &pool_create, nullptr, &pool),
          "vkCreateDescriptorPool");
    pool_ = {device_.get(), pool};

    VkDescriptorSetAllocateInfo allocate{VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO};
    allocate.descriptorPool = pool;
    allocate.descriptorSetCount = 1;
    allocate.pSetLayouts = &layout;
    check(vkAllocateDescriptorSets(device_.get(), &allocate, &set_), "vkAllocateDescriptorSets");
    const VkDescriptorImageInfo image{options.sampler, options.texture,
                                      VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    VkWriteDescriptorSet write{VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET};
    write.dstSet = set_;
    write.descriptorCount = 1;
    write.descriptorType = kType;
    write.pImageInfo = &image;
    vkUpdateDescriptorSets(device_.get(), 1, &write, 0, nullptr);
}

void GraphicsPipeline::make_layout(uint32_t push_bytes) {
    const VkPushConstantRange constants{kStages, 0, push_bytes};
    const VkDescriptorSetLayout set_layout = set_layout_.get();
    VkPipelineLayoutCreateInfo create{VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO};
    create.setLayoutCount = set_layout != VK_NULL_HANDLE ? 1 : 0;
    create.pSetLayouts = &set_layout;
    create.pushConstantRangeCount = push_bytes == 0 ? 0 : 1;
    create.pPushConstantRanges = &constants;
    VkPipelineLayout layout = VK_NULL_HANDLE;
    check(vkCreatePipelineLayout(device_.get(), &create, nullptr, &layout),
          "vkCreatePipelineLayout");
    layout_ = {device_.get(), layout};
}

void GraphicsPipeline::make_pipeline(const Canvas& canvas, const GraphicsOptions& options) {
    std::vector<OwnedShaderModule> modules;
    std::vector<VkPipelineShaderStageCreateInfo> stages;
    const std::pair<VkShaderStageFlagBits, std::span<const uint32_t>> shaders[] = {
        {VK_SHADER_STAGE_VERTEX_BIT, options.vertex},
        {VK_SHADER_STAGE_TESSELLATION_CONTROL_BIT, options.control},
        {VK_SHADER_STAGE_TESSELLATION_EVALUATION_BIT, options.evaluation},
        {VK_SHADER_STAGE_GEOMETRY_BIT, options.geometry},
        {VK_SHADER_STAGE_FRAGMENT_BIT, options.fragment},
    };
    for (const auto& [which, words] : shaders) {
        if (words.empty()) continue;
        modules.push_back(make_module(device_, words));
        stages.push_back(stage(which, modules.back()));
    }
    VkPipelineTessellationStateCreateInfo tessellation{
        VK_STRUCTURE_TYPE_PIPELINE_TESSELLATION_STATE_CREATE_INFO};
    tessellation.patchControlPoints = options.patch_vertices;
    const VkVertexInputBindingDescription binding{0, options.stride, VK_VERTEX_INPUT_RATE_VERTEX};
    VkPipelineVertexInputStateCreateInfo input{
        VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO};
    input.vertexBindingDescriptionCount = options.stride == 0 ? 0 : 1;
    input.pVertexBindingDescriptions = &binding;
    input.vertexAttributeDescriptionCount = static_cast<uint32_t>(options.attributes.size());
    input.pVertexAttributeDescriptions = options.attributes.data();
    VkPipelineInputAssemblyStateCreateInfo assembly{
        VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO};
    assembly.topology = options.topology;
    const auto [width, height] = canvas.size();
    const VkViewport viewport{0, 0, static_cast<float>(width), static_cast<float>(height), 0, 1};
    const VkRect2D scissor{{0, 0}, canvas.size()};
    VkPipelineViewportStateCreateInfo view{VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO};
    view.viewportCount = view.scissorCount = 1;
    view.pViewports = &viewport;
    view.pScissors = &scissor;
    VkPipelineRasterizationStateCreateInfo raster{
        VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO};
    raster.lineWidth = 1;
    raster.cullMode = options.cull;
    VkPipelineMultisampleStateCreateInfo samples{
        VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO};
    samples.rasterizationSamples = canvas.samples();
    VkPipelineDepthStencilStateCreateInfo depth{
        VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO};
    depth.depthTestEnable = depth.depthWriteEnable = VK_TRUE;
    depth.depthCompareOp = VK_COMPARE_OP_LESS;
    const VkPipelineColorBlendAttachmentState mixing = blend_state(options.blending);
    VkPipelineColorBlendStateCreateInfo blend{
        VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO};
    blend.attachmentCount = 1;
    blend.pAttachments = &mixing;

    VkGraphicsPipelineCreateInfo create{VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO};
    create.stageCount = static_cast<uint32_t>(stages.size());
    create.pStages = stages.data();
    if (options.patch_vertices != 0) create.pTessellationState = &tessellation;
    create.pVertexInputState = &input;
    create.pInputAssemblyState = &assembly;
    create.pViewportState = &view;
    create.pRasterizationState = &raster;
    create.pMultisampleState = &samples;
    create.pDepthStencilState = &depth;
    create.pColorBlendState = &blend;
    create.layout = layout_.get();
    create.renderPass = canvas.render_pass();
    VkPipeline pipeline = VK_NULL_HANDLE;
    check(vkCreateGraphicsPipelines(device_.get(), VK_NULL_HANDLE, 1, &create, nullptr, &pipeline),
          "vkCreateGraphicsPipelines");
    pipeline_ = {device_.get(), pipeline};
}

void GraphicsPipeline::bind(VkCommandBuffer commands) const {
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_.get());
    if (set_ != VK_NULL_HANDLE)
        vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_.get(), 0, 1,
                                &set_, 0, nullptr);
}

}  // namespace viaduct::vulkan
