#include "tests/guest/vulkan/drawing/picture.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <span>
#include <string>

// Built from gradient.frag and rectangle.vert.
#include "gradient.spv.h"
#include "rectangle.spv.h"

namespace viaduct::vulkan {
namespace {

constexpr VkFormat kColourFormat = VK_FORMAT_R8G8B8A8_UNORM;
constexpr VkFormat kDepthFormat = VK_FORMAT_D32_SFLOAT;

VkImageAspectFlags aspect_of(VkFormat format) {
    return format == kDepthFormat ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT;
}

OwnedImage make_image(const Device& device, VkFormat format, VkExtent2D size,
                      VkImageUsageFlags usage) {
    VkImageCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO;
    info.imageType = VK_IMAGE_TYPE_2D;
    info.format = format;
    info.extent = {size.width, size.height, 1};
    info.mipLevels = info.arrayLayers = 1;
    info.samples = VK_SAMPLE_COUNT_1_BIT;
    info.usage = usage;
    VkImage image = VK_NULL_HANDLE;
    check(vkCreateImage(device.get(), &info, nullptr, &image), "vkCreateImage");
    return {device.get(), image};
}

OwnedMemory make_memory(const Device& device, VkImage image) {
    VkMemoryRequirements needs;
    vkGetImageMemoryRequirements(device.get(), image, &needs);
    VkMemoryAllocateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO;
    info.allocationSize = needs.size;
    info.memoryTypeIndex =
        device.memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
    VkDeviceMemory memory = VK_NULL_HANDLE;
    check(vkAllocateMemory(device.get(), &info, nullptr, &memory), "vkAllocateMemory");
    check(vkBindImageMemory(device.get(), image, memory, 0), "vkBindImageMemory");
    return {device.get(), memory};
}

OwnedImageView make_view(const Device& device, VkImage image, VkFormat format) {
    VkImageViewCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO;
    info.image = image;
    info.viewType = VK_IMAGE_VIEW_TYPE_2D;
    info.format = format;
    info.subresourceRange = {aspect_of(format), 0, 1, 0, 1};
    VkImageView view = VK_NULL_HANDLE;
    check(vkCreateImageView(device.get(), &info, nullptr, &view), "vkCreateImageView");
    return {device.get(), view};
}

OwnedShaderModule make_module(const Device& device, std::span<const uint32_t> words) {
    VkShaderModuleCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO;
    info.codeSize = words.size_bytes();
    info.pCode = words.data();
    VkShaderModule module = VK_NULL_HANDLE;
    check(vkCreateShaderModule(device.get(), &info, nullptr, &module), "vkCreateShaderModule");
    return {device.get(), module};
}

VkPipelineShaderStageCreateInfo stage(VkShaderStageFlagBits which,
                                      const OwnedShaderModule& module) {
    VkPipelineShaderStageCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO;
    info.stage = which;
    info.module = module.get();
    info.pName = "main";
    return info;
}

VkAttachmentDescription attachment(VkFormat format, VkImageLayout final_layout) {
    VkAttachmentDescription description{};
    description.format = format;
    description.samples = VK_SAMPLE_COUNT_1_BIT;
    description.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    description.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    description.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    description.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
    description.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    description.finalLayout = final_layout;
    return description;
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

Image::Image(const Device& device, VkFormat format, VkExtent2D size, VkImageUsageFlags usage)
    : image_(make_image(device, format, size, usage)),
      memory_(make_memory(device, image_.get())),
      view_(make_view(device, image_.get(), format)) {}

Picture::Picture(const Device& device, VkExtent2D size, Blending blending)
    : device_(device),
      size_(size),
      colour_(device, kColourFormat, size,
              VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT),
      depth_(device, kDepthFormat, size, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT),
      pixels_(device, VkDeviceSize{size.width} * size.height * 4) {
    make_render_pass();
    make_framebuffer();
    make_pipeline(blending);
}

void Picture::make_render_pass() {
    const VkAttachmentDescription attachments[] = {
        attachment(kColourFormat, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL),
        attachment(kDepthFormat, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL)};
    const VkAttachmentReference colour{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    const VkAttachmentReference depth{1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass{};
    subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
    subpass.colorAttachmentCount = 1;
    subpass.pColorAttachments = &colour;
    subpass.pDepthStencilAttachment = &depth;
    VkRenderPassCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO;
    info.attachmentCount = 2;
    info.pAttachments = attachments;
    info.subpassCount = 1;
    info.pSubpasses = &subpass;
    VkRenderPass pass = VK_NULL_HANDLE;
    check(vkCreateRenderPass(device_.get(), &info, nullptr, &pass), "vkCreateRenderPass");
    render_pass_ = {device_.get(), pass};
}

void Picture::make_framebuffer() {
    const VkImageView views[] = {colour_.view(), depth_.view()};
    VkFramebufferCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO;
    info.renderPass = render_pass_.get();
    info.attachmentCount = 2;
    info.pAttachments = views;
    info.width = size_.width;
    info.height = size_.height;
    info.layers = 1;
    VkFramebuffer framebuffer = VK_NULL_HANDLE;
    check(vkCreateFramebuffer(device_.get(), &info, nullptr, &framebuffer), "vkCreateFramebuffer");
    framebuffer_ = {device_.get(), framebuffer};
}

void Picture::make_pipeline(Blending blending) {
    const VkPushConstantRange constants{VK_SHADER_STAGE_VERTEX_BIT, 0, sizeof(Rectangle)};
    VkPipelineLayoutCreateInfo layout{};
    layout.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO;
    layout.pushConstantRangeCount = 1;
    layout.pPushConstantRanges = &constants;
    VkPipelineLayout made = VK_NULL_HANDLE;
    check(vkCreatePipelineLayout(device_.get(), &layout, nullptr, &made), "vkCreatePipelineLayout");
    layout_ = {device_.get(), made};

    const OwnedShaderModule vertex = make_module(device_, rectangle_spirv);
    const OwnedShaderModule fragment = make_module(device_, gradient_spirv);
    const VkPipelineShaderStageCreateInfo stages[] = {
        stage(VK_SHADER_STAGE_VERTEX_BIT, vertex), stage(VK_SHADER_STAGE_FRAGMENT_BIT, fragment)};
    VkPipelineVertexInputStateCreateInfo input{};
    input.sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO;
    VkPipelineInputAssemblyStateCreateInfo assembly{};
    assembly.sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO;
    assembly.topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_STRIP;
    const VkViewport viewport{
        0, 0, static_cast<float>(size_.width), static_cast<float>(size_.height), 0, 1};
    const VkRect2D scissor{{0, 0}, size_};
    VkPipelineViewportStateCreateInfo view{};
    view.sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO;
    view.viewportCount = view.scissorCount = 1;
    view.pViewports = &viewport;
    view.pScissors = &scissor;
    VkPipelineRasterizationStateCreateInfo raster{};
    raster.sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO;
    raster.lineWidth = 1;
    VkPipelineMultisampleStateCreateInfo samples{};
    samples.sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO;
    samples.rasterizationSamples = VK_SAMPLE_COUNT_1_BIT;
    VkPipelineDepthStencilStateCreateInfo depth{};
    depth.sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO;
    depth.depthTestEnable = depth.depthWriteEnable = VK_TRUE;
    depth.depthCompareOp = VK_COMPARE_OP_LESS;
    const VkPipelineColorBlendAttachmentState mixing = blend_state(blending);
    VkPipelineColorBlendStateCreateInfo blend{};
    blend.sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO;
    blend.attachmentCount = 1;
    blend.pAttachments = &mixing;

    VkGraphicsPipelineCreateInfo info{};
    info.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO;
    info.stageCount = 2;
    info.pStages = stages;
    info.pVertexInputState = &input;
    info.pInputAssemblyState = &assembly;
    info.pViewportState = &view;
    info.pRasterizationState = &raster;
    info.pMultisampleState = &samples;
    info.pDepthStencilState = &depth;
    info.pColorBlendState = &blend;
    info.layout = layout_.get();
    info.renderPass = render_pass_.get();
    VkPipeline pipeline = VK_NULL_HANDLE;
    check(vkCreateGraphicsPipelines(device_.get(), VK_NULL_HANDLE, 1, &info, nullptr, &pipeline),
          "vkCreateGraphicsPipelines");
    pipeline_ = {device_.get(), pipeline};
}

void Picture::record(VkCommandBuffer commands, const std::array<float, 4>& clear,
                     const std::vector<Rectangle>& rectangles) const {
    VkClearValue values[2]{};
    for (size_t i = 0; i < 4; i++) values[0].color.float32[i] = clear[i];
    values[1].depthStencil.depth = 1;
    VkRenderPassBeginInfo begin{};
    begin.sType = VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO;
    begin.renderPass = render_pass_.get();
    begin.framebuffer = framebuffer_.get();
    begin.renderArea.extent = size_;
    begin.clearValueCount = 2;
    begin.pClearValues = values;
    vkCmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, pipeline_.get());
    for (const Rectangle& rectangle : rectangles) {
        vkCmdPushConstants(commands, layout_.get(), VK_SHADER_STAGE_VERTEX_BIT, 0,
                           sizeof(rectangle), &rectangle);
        vkCmdDraw(commands, 4, 1, 0, 0);
    }
    vkCmdEndRenderPass(commands);
    full_barrier(commands);
    VkBufferImageCopy copy{};
    copy.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
    copy.imageExtent = {size_.width, size_.height, 1};
    vkCmdCopyImageToBuffer(commands, colour_.get(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                           pixels_.get(), 1, &copy);
}

void Picture::draw(const std::array<float, 4>& clear, const std::vector<Rectangle>& rectangles) {
    Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        record(commands, clear, rectangles);
    }).run();
}

void Picture::expect(const std::function<Rgba(int x, int y)>& expected, int tolerance) const {
    const auto pixels = pixels_.as<uint8_t>();
    const auto width = static_cast<int>(size_.width), height = static_cast<int>(size_.height);
    int wrong = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const Rgba want = expected(x, y);
            bool right = true;
            std::string got;
            for (size_t c = 0; c < 4; c++) {
                const int value = pixels[static_cast<size_t>(y * width + x) * 4 + c];
                right = right && std::abs(value - want[c]) <= tolerance;
                got += " " + std::to_string(value);
            }
            if (!right && wrong++ < 5)
                ADD_FAILURE() << "pixel " << x << "," << y << " is" << got << ", not " << want[0]
                              << " " << want[1] << " " << want[2] << " " << want[3];
        }
    EXPECT_EQ(wrong, 0) << "of " << width * height << " pixels";
}

}  // namespace viaduct::vulkan
