#include "tools/demo-program/gpu_scene.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "tools/demo-program/rasteriser.h"
#include "tools/vulkan/commands.h"

// Built from the shaders; they need <cstdint> before them.
#include "light.spv.h"
#include "place.spv.h"

namespace viaduct::demo {
namespace {

using vulkan::check;

constexpr int kTolerance = 3;                 // of 255
constexpr size_t kPixelsPerException = 1000;  // may differ by more

template <typename T>
VkDeviceSize bytes_of(const std::vector<Mesh>& meshes, std::vector<T> Mesh::*member) {
    VkDeviceSize bytes = 0;
    for (const Mesh& mesh : meshes) bytes += (mesh.*member).size() * sizeof(T);
    return bytes;
}

vulkan::OwnedSampler make_sampler(const vulkan::Device& device) {
    VkSamplerCreateInfo create{VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO};
    create.magFilter = create.minFilter = VK_FILTER_LINEAR;
    create.addressModeU = create.addressModeV = VK_SAMPLER_ADDRESS_MODE_REPEAT;
    VkSampler sampler = VK_NULL_HANDLE;
    check(vkCreateSampler(device.get(), &create, nullptr, &sampler), "vkCreateSampler");
    return {device.get(), sampler};
}

std::vector<VkVertexInputAttributeDescription> attributes() {
    return {{0, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, position)},
            {1, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, normal)},
            {2, 0, VK_FORMAT_R32G32_SFLOAT, offsetof(Vertex, u)}};
}

std::array<float, 4> background() {
    std::array<float, 4> colour{};
    for (size_t i = 0; i < 4; i++)
        colour[i] = static_cast<float>(kBackground >> 8 * i & 255U) / 255;
    return colour;
}

int difference(uint32_t a, uint32_t b) {
    int largest = 0;
    for (uint32_t shift = 0; shift < 32; shift += 8)
        largest = std::max(largest, std::abs(static_cast<int>(a >> shift & 255U) -
                                             static_cast<int>(b >> shift & 255U)));
    return largest;
}

void to_layout(VkCommandBuffer commands, const vulkan::Image& image, VkImageLayout from,
               VkImageLayout to) {
    VkImageMemoryBarrier barrier{VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER};
    barrier.srcAccessMask = VK_ACCESS_MEMORY_WRITE_BIT;
    barrier.dstAccessMask = VK_ACCESS_MEMORY_READ_BIT | VK_ACCESS_MEMORY_WRITE_BIT;
    barrier.oldLayout = from;
    barrier.newLayout = to;
    barrier.srcQueueFamilyIndex = barrier.dstQueueFamilyIndex = VK_QUEUE_FAMILY_IGNORED;
    barrier.image = image.get();
    barrier.subresourceRange = image.whole();
    vkCmdPipelineBarrier(commands, VK_PIPELINE_STAGE_ALL_COMMANDS_BIT,
                         VK_PIPELINE_STAGE_ALL_COMMANDS_BIT, 0, 0, nullptr, 0, nullptr, 1,
                         &barrier);
}

}  // namespace

GpuScene::GpuScene(const vulkan::Device& device, uint32_t width, uint32_t height, Scene scene)
    : device_(device),
      scene_(std::move(scene)),
      texels_(make_texture()),
      vertices_(device, bytes_of(scene_.meshes, &Mesh::vertices)),
      indices_(device, bytes_of(scene_.meshes, &Mesh::indices)),
      texture_(device, {.size = {kTextureSize, kTextureSize},
                        .usage = VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_SAMPLED_BIT}),
      sampler_(make_sampler(device)),
      canvas_(device, {width, height}),
      pipeline_(device, canvas_,
                {.vertex = place_spirv,
                 .fragment = light_spirv,
                 .stride = sizeof(Vertex),
                 .attributes = attributes(),
                 .push_bytes = sizeof(Placement),
                 .texture = texture_.view(),
                 .sampler = sampler_.get()}) {
    upload_meshes();
    upload_texture();
}

void GpuScene::upload_meshes() {
    Vertex* vertex = vertices_.as<Vertex>().data();
    uint32_t* index = indices_.as<uint32_t>().data();
    for (const Mesh& mesh : scene_.meshes) {
        ranges_.push_back(
            {.first_index = static_cast<uint32_t>(index - indices_.as<uint32_t>().data()),
             .indices = static_cast<uint32_t>(mesh.indices.size()),
             .first_vertex = static_cast<int32_t>(vertex - vertices_.as<Vertex>().data())});
        vertex = std::copy(mesh.vertices.begin(), mesh.vertices.end(), vertex);
        index = std::copy(mesh.indices.begin(), mesh.indices.end(), index);
    }
}

void GpuScene::upload_texture() {
    const auto start = std::chrono::steady_clock::now();
    const vulkan::Buffer staging(device_, texels_.size() * sizeof(uint32_t));
    std::memcpy(staging.bytes().data(), texels_.data(), staging.size());
    vulkan::Commands(device_, vulkan::QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        to_layout(commands, texture_, VK_IMAGE_LAYOUT_UNDEFINED,
                  VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL);
        VkBufferImageCopy copy{};
        copy.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1};
        copy.imageExtent = {kTextureSize, kTextureSize, 1};
        vkCmdCopyBufferToImage(commands, staging.get(), texture_.get(),
                               VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &copy);
        to_layout(commands, texture_, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
                  VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL);
    }).run();
    times_.upload += std::chrono::steady_clock::now() - start;
    ++submissions_;
}

std::vector<Placed> GpuScene::place(uint32_t frame) const {
    const auto [width, height] = canvas_.size();
    return scene_.place(frame, static_cast<float>(width) / static_cast<float>(height));
}

std::span<const uint32_t> GpuScene::draw(uint32_t frame) {
    const auto start = std::chrono::steady_clock::now();
    canvas_.draw(background(), [&](VkCommandBuffer commands) {
        pipeline_.bind(commands);
        const VkBuffer vertices = vertices_.get();
        const VkDeviceSize offset = 0;
        vkCmdBindVertexBuffers(commands, 0, 1, &vertices, &offset);
        vkCmdBindIndexBuffer(commands, indices_.get(), 0, VK_INDEX_TYPE_UINT32);
        for (const Placed& placed : place(frame)) {
            pipeline_.push(commands, placed.placement);
            const Range& range = ranges_[placed.mesh];
            vkCmdDrawIndexed(commands, range.indices, 1, range.first_index, range.first_vertex, 0);
        }
    });
    times_.work += std::chrono::steady_clock::now() - start;
    ++submissions_;
    return canvas_.pixels();
}

Comparison GpuScene::check(uint32_t frame) {
    const auto [width, height] = canvas_.size();
    const std::vector<uint32_t> expected = rasterise(scene_, place(frame), width, height, texels_);
    const std::span<const uint32_t> actual = canvas_.pixels();
    size_t differing = 0;
    for (size_t i = 0; i < expected.size(); i++) {
        const int apart = difference(expected[i], actual[i]);
        if (apart > kTolerance)
            differing++;
        else
            largest_ = std::max(largest_, apart);
    }
    compared_ += expected.size();
    differing_ += differing;
    const bool right = differing <= expected.size() / kPixelsPerException;
    return {.right = right,
            .summary =
                fmt::format("{} of {} pixels differ by at most {} steps from the CPU's{}",
                            compared_ - differing_, compared_, largest_, right ? "" : ": too few")};
}

}  // namespace viaduct::demo
