// The demo's calculation, as the GPU does it.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "tools/demo-program/mandelbrot.h"
#include "tools/vulkan/buffer.h"
#include "tools/vulkan/commands.h"
#include "tools/vulkan/device.h"

namespace viaduct::demo {

/// Time from each part's submission to its fence, summed over the frames.
struct GpuTimes {
    std::chrono::nanoseconds upload{0};
    std::chrono::nanoseconds compute{0};
    std::chrono::nanoseconds readback{0};
};

/// Draws pictures of one size. The device must outlive it.
class GpuPicture {
  public:
    GpuPicture(const vulkan::Device& device, uint32_t width, uint32_t height);

    /// The picture as it arrived in memory of the CPU; valid until the next call.
    std::span<const uint32_t> draw(const View& view, const Palette& palette);
    const GpuTimes& times() const { return times_; }
    uint64_t submissions() const { return submissions_; }

  private:
    void upload(const View& view, const Palette& palette);
    void compute(const View& view);
    void readback();
    std::chrono::nanoseconds run(const vulkan::Commands& commands);

    const vulkan::Device& device_;
    vulkan::Buffer staging_;  // the palette on its way to the GPU
    vulkan::Buffer view_;
    vulkan::Buffer palette_;
    vulkan::Buffer pixels_;
    vulkan::Buffer result_;
    std::array<const vulkan::Buffer*, 3> bindings_;
    vulkan::ComputePipeline pipeline_;
    GpuTimes times_;
    uint64_t submissions_ = 0;
};

}  // namespace viaduct::demo
