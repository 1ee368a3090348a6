// The pieces of work that viaduct-measure times: one call does one of them, all of it.
#pragma once

#include <chrono>
#include <cstdint>

#include "tools/vulkan/buffer.h"
#include "tools/vulkan/commands.h"
#include "tools/vulkan/device.h"

namespace viaduct::measure {

using Nanoseconds = std::chrono::nanoseconds;

/// Vulkan objects made once, on the first device that VIADUCT_GUEST_DEVICE allows. One thread.
/// Every call throws vulkan::Error if the device fails, VK_ERROR_DEVICE_LOST after a lost context.
class Work {
  public:
    Work();

    const vulkan::Device& device() const { return device_; }

    /// vkQueueSubmit of a small job (a fill of 4 KiB) on an idle queue. Returns when it has ended;
    /// the wait is not in the time.
    Nanoseconds submit() const;
    /// The same with the wait for its fence.
    Nanoseconds round_trip() const;
    /// Allocates 1 MiB that the CPU sees, maps it, writes one word and frees it.
    Nanoseconds memory() const;
    /// Writes 1 MiB to mapped memory.
    Nanoseconds write() const;
    /// The same, and has the GPU copy it to its own.
    Nanoseconds upload() const;
    /// The same with bytes that depend on `seed`, and back again: true if all are the same.
    bool check(uint32_t seed) const;
    /// A shader that never ends. Returns only by way of an Error.
    void hang() const;

  private:
    struct Submission;
    Submission run_small() const;
    void write_staging() const;
    void copy(const vulkan::Buffer& from, const vulkan::Buffer& to) const;

    vulkan::Device device_;
    vulkan::Buffer small_;
    vulkan::Buffer staging_;
    vulkan::Buffer target_;
    vulkan::Buffer back_;
    vulkan::Commands fill_;
};

}  // namespace viaduct::measure
