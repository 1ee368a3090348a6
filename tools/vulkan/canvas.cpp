#include "tools/vulkan/canvas.h"

#include "tools/vulkan/commands.h"

namespace viaduct::vulkan {
namespace {

constexpr VkFormat kColourFormat = VK_FORMAT_R8G8B8A8_UNORM;
constexpr VkFormat kDepthFormat = VK_FORMAT_D32_SFLOAT;

VkAttachmentDescription attachment(VkFormat format, VkImageLayout final_layout,
                                   VkSampleCountFlagBits samples = VK_SAMPLE_COUNT_1_BIT) {
    VkAttachmentDescription description{};
    description.format = format;
    description.samples = samples;
    description.loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR;
    description.storeOp = VK_ATTACHMENT_STORE_OP_STORE;
    description.stencilLoadOp = VK_ATTACHMENT_LOAD_OP_DONT_CARE;
    description.stencilStoreOp = VK_ATTACHMENT_STORE_OP_DONT_CARE;
    description.initialLayout = VK_IMAGE_LAYOUT_UNDEFINED;
    description.finalLayout = final_layout;
    return description;
}

}  // namespace

Canvas::Canvas(const Device& device, VkExtent2D size, VkSampleCountFlagBits samples)
    : device_(device),
      size_(size),
      samples_(samples),
      colour_(device,
              {.format = kColourFormat,
               .size = size,
               .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT}),
      depth_(device, {.format = kDepthFormat,
                      .size = size,
                      .usage = VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT,
                      .samples = samples}),
      pixels_(device, VkDeviceSize{size.width} * size.height * 4) {
    if (resolves())
        sampled_.emplace(device, ImageOptions{.format = kColourFormat,
                                              .size = size,
                                              .usage = VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT,
                                              .samples = samples});
    make_render_pass();
    make_framebuffer();
}

void Canvas::make_render_pass() {
    // Where there are several samples, the picture is the third attachment: the first one's mean.
    std::vector<VkAttachmentDescription> attachments{
        attachment(kColourFormat,
                   resolves() ? VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL
                              : VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                   samples_),
        attachment(kDepthFormat, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL, samples_)};
    if (resolves())
        attachments.push_back(attachment(kColourFormat, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL));
    const VkAttachmentReference colour{0, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    const VkAttachmentReference depth{1, VK_IMAGE_LAYOUT_DEPTH_STENCIL_ATTACHMENT_OPTIMAL};
    const VkAttachmentReference resolved{2, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
    VkSubpassDescription subpass{};
    subpass.pipelineBindPoint = VK_PIPELINE_BIND_POINT_GRAPHICS;
    subpass.colorAttachmentCount = 1;
    subpass.pColorAttachments = &colour;
    subpass.pDepthStencilAttachment = &depth;
    if (resolves()) subpass.pResolveAttachments = &resolved;
    VkRenderPassCreateInfo create{VK_STRUCTURE_TYPE_RENDER_PASS_CREATE_INFO};
    create.attachmentCount = static_cast<uint32_t>(attachments.size());
    create.pAttachments = attachments.data();
    create.subpassCount = 1;
    create.pSubpasses = &subpass;
    VkRenderPass pass = VK_NULL_HANDLE;
    check(vkCreateRenderPass(device_.get(), &create, nullptr, &pass), "vkCreateRenderPass");
    render_pass_ = {device_.get(), pass};
}

void Canvas::make_framebuffer() {
    std::vector<VkImageView> views{colour_.view(), depth_.view()};
    if (resolves()) views = {sampled_->view(), depth_.view(), colour_.view()};
    VkFramebufferCreateInfo create{VK_STRUCTURE_TYPE_FRAMEBUFFER_CREATE_INFO};
    create.renderPass = render_pass_.get();
    create.attachmentCount = static_cast<uint32_t>(views.size());
    create.pAttachments = views.data();
    create.width = size_.width;
    create.height = size_.height;
    create.layers = 1;
    VkFramebuffer framebuffer = VK_NULL_HANDLE;
    check(vkCreateFramebuffer(device_.get(), &create, nullptr, &framebuffer),
          "vkCreateFramebuffer");
    framebuffer_ = {device_.get(), framebuffer};
}

void Canvas::draw(const std::array<float, 4>& clear, const Recorder& record) const {
    VkClearValue values[2]{};
    for (size_t i = 0; i < clear.size(); i++) values[0].color.float32[i] = clear[i];
    values[1].depthStencil.depth = 1;
    VkRenderPassBeginInfo begin{VK_STRUCTURE_TYPE_RENDER_PASS_BEGIN_INFO};
    begin.renderPass = render_pass_.get();
    begin.framebuffer = framebuffer_.get();
    begin.renderArea.extent = size_;
    begin.clearValueCount = 2;
    begin.pClearValues = values;
    Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        vkCmdBeginRenderPass(commands, &begin, VK_SUBPASS_CONTENTS_INLINE);
        record(commands);
        vkCmdEndRenderPass(commands);
        full_barrier(commands);
        VkBufferImageCopy copy{};
        copy.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
        copy.imageExtent = {size_.width, size_.height, 1};
        vkCmdCopyImageToBuffer(commands, colour_.get(), VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL,
                               pixels_.get(), 1, &copy);
    }).run();
}

}  // namespace viaduct::vulkan
