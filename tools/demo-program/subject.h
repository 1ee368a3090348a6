// A subject of the demo: a picture for each frame, and the check of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tools/vulkan/device.h"

namespace viaduct::demo {

/// Time from each part's submission to its fence, summed over the frames.
struct GpuTimes {
    std::chrono::nanoseconds upload{0};
    std::chrono::nanoseconds work{0};  // compute, or drawing with its copy to the CPU's memory
    std::chrono::nanoseconds readback{0};
};

/// How a frame compares with the CPU's.
struct Comparison {
    bool right = true;
    std::string summary;  // "1228800 bytes correct"
};

/// Pictures of one size, rows of 0xAABBGGRR pixels.
class Subject {
  public:
    virtual ~Subject() = default;

    /// The picture as it arrived in memory of the CPU; valid until the next call.
    virtual std::span<const uint32_t> draw(uint32_t frame) = 0;
    /// Compares the frame that was drawn last. The summary is about all frames so far.
    virtual Comparison check(uint32_t frame) = 0;

    const GpuTimes& times() const { return times_; }
    uint64_t submissions() const { return submissions_; }

  protected:
    GpuTimes times_;
    uint64_t submissions_ = 0;
};

/// Names for --scene.
inline constexpr std::string_view kSceneNames[] = {"mandelbrot", "cube", "gears"};

/// Null for a name that is not among kSceneNames. The device must outlive it.
std::unique_ptr<Subject> make_subject(std::string_view name, const vulkan::Device& device,
                                      uint32_t width, uint32_t height);

}  // namespace viaduct::demo
