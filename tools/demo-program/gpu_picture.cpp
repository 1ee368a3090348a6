#include "tools/demo-program/gpu_picture.h"

#include <fmt/core.h>

#include <cstring>

// Built from the shader; needs <cstdint> before it.
#include "mandelbrot.spv.h"

namespace viaduct::demo {
namespace {

using vulkan::BufferOptions;
using vulkan::Commands;
using vulkan::QueueKind;

BufferOptions on_device(VkDeviceSize size) {
    return {.size = size, .where = vulkan::Where::kDevice, .share_as = {}, .import_fd = {}};
}

VkDeviceSize picture_bytes(uint32_t width, uint32_t height) {
    return VkDeviceSize{width} * height * sizeof(uint32_t);
}

uint32_t groups(uint32_t pixels, uint32_t group_size) {
    return (pixels + group_size - 1) / group_size;
}

}  // namespace

GpuPicture::GpuPicture(const vulkan::Device& device, uint32_t width, uint32_t height)
    : device_(device),
      width_(width),
      height_(height),
      staging_(device, sizeof(Palette)),
      view_(device, on_device(sizeof(View))),
      palette_(device, on_device(sizeof(Palette))),
      pixels_(device, on_device(picture_bytes(width, height))),
      result_(device, picture_bytes(width, height)),
      bindings_{&view_, &palette_, &pixels_},
      pipeline_(device, mandelbrot_spirv, bindings_) {}

std::chrono::nanoseconds GpuPicture::run(const Commands& commands) {
    const auto start = std::chrono::steady_clock::now();
    commands.run();
    ++submissions_;
    return std::chrono::steady_clock::now() - start;
}

// Some drivers (anv) copy with whatever the engine is set up for: after a dispatch, even an empty
// one, with a program that computes, else with one that draws, which not every simulated GPU can.
void GpuPicture::begin(VkCommandBuffer commands) {
    pipeline_.bind(commands);
    vkCmdDispatch(commands, 0, 0, 0);
}

// All three ways to write: an update from the command stream, a copy, and a fill.
void GpuPicture::upload(const View& view) {
    std::memcpy(staging_.bytes().data(), colours_.data(), sizeof(colours_));
    times_.upload += run(Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        begin(commands);
        vkCmdUpdateBuffer(commands, view_.get(), 0, sizeof(view), &view);
        const VkBufferCopy region{0, 0, sizeof(colours_)};
        vkCmdCopyBuffer(commands, staging_.get(), palette_.get(), 1, &region);
        vkCmdFillBuffer(commands, pixels_.get(), 0, VK_WHOLE_SIZE, 0);
    }));
}

void GpuPicture::compute(const View& view) {
    constexpr uint32_t kGroupWidth = 16;  // mandelbrot.comp
    constexpr uint32_t kGroupHeight = 4;
    times_.work += run(Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        pipeline_.bind(commands);
        vkCmdDispatch(commands, groups(view.width, kGroupWidth), groups(view.height, kGroupHeight),
                      1);
    }));
}

void GpuPicture::readback() {
    times_.readback += run(Commands(device_, QueueKind::kGraphics, [&](VkCommandBuffer commands) {
        begin(commands);
        const VkBufferCopy region{0, 0, pixels_.size()};
        vkCmdCopyBuffer(commands, pixels_.get(), result_.get(), 1, &region);
    }));
}

std::span<const uint32_t> GpuPicture::draw(uint32_t frame) {
    const View view = view_of_frame(frame, width_, height_);
    upload(view);
    compute(view);
    readback();
    return result_.as<const uint32_t>();
}

Comparison GpuPicture::check(uint32_t frame) {
    const auto expected = mandelbrot(view_of_frame(frame, width_, height_), colours_);
    const auto want = std::as_bytes(std::span(expected));
    const std::span<const std::byte> got = result_.bytes();
    for (size_t i = 0; i < want.size(); ++i) wrong_ += want[i] != got[i] ? 1 : 0;
    bytes_ += want.size();
    if (wrong_ == 0) return {.right = true, .summary = fmt::format("all {} bytes correct", bytes_)};
    return {.right = false, .summary = fmt::format("{} of {} bytes WRONG", wrong_, bytes_)};
}

}  // namespace viaduct::demo
