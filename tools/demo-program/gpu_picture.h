// The Mandelbrot set, as the GPU computes it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "tools/demo-program/mandelbrot.h"
#include "tools/demo-program/subject.h"
#include "tools/vulkan/buffer.h"
#include "tools/vulkan/commands.h"
#include "tools/vulkan/device.h"

namespace viaduct::demo {

/// A step of a zoom into the Mandelbrot set; right if it equals the CPU's in every byte.
class GpuPicture final : public Subject {
  public:
    GpuPicture(const vulkan::Device& device, uint32_t width, uint32_t height);

    std::span<const uint32_t> draw(uint32_t frame) override;
    Comparison check(uint32_t frame) override;

  private:
    void begin(VkCommandBuffer commands);
    void upload(const View& view);
    void compute(const View& view);
    void readback();
    std::chrono::nanoseconds run(const vulkan::Commands& commands);

    const vulkan::Device& device_;
    uint32_t width_, height_;
    Palette colours_ = make_palette();
    vulkan::Buffer staging_;  // the palette on its way to the GPU
    vulkan::Buffer view_;
    vulkan::Buffer palette_;
    vulkan::Buffer pixels_;
    vulkan::Buffer result_;
    std::array<const vulkan::Buffer*, 3> bindings_;
    vulkan::ComputePipeline pipeline_;
    uint64_t bytes_ = 0;  // compared
    uint64_t wrong_ = 0;
};

}  // namespace viaduct::demo
