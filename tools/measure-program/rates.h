// Many pieces of the same work, one after another: what viaduct-measure does when a request has a
// count.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "tools/vulkan/buffer.h"
#include "tools/vulkan/commands.h"
#include "tools/vulkan/device.h"

namespace viaduct::measure {

using Nanoseconds = std::chrono::nanoseconds;

/// Vulkan objects made once, on a device that must outlive them. One thread. Calls return the time
/// from the first piece to the end of the last; they throw vulkan::Error if the device fails.
class Rates {
  public:
    explicit Rates(const vulkan::Device& device);

    /// Small jobs (a fill of 4 KiB), without a wait in between.
    Nanoseconds submissions(uint32_t count) const;
    /// The same, each waited for before the next.
    Nanoseconds round_trips(uint32_t count) const;
    /// Allocates 1 MiB that the CPU sees, maps it, writes one word and frees it.
    Nanoseconds allocations(uint32_t count) const;
    /// Writes 1 MiB to mapped memory, has the GPU copy it to its own and waits.
    Nanoseconds uploads(uint32_t count) const;
    /// Allocates kSmallBuffers of 4 KiB, fills them all in one submission, waits and frees them.
    Nanoseconds small_buffers(uint32_t count) const;

    static constexpr uint32_t kSmallBuffers = 64;

  private:
    void wait_for(const vulkan::Commands& commands) const;

    const vulkan::Device& device_;
    vulkan::Buffer small_;
    vulkan::Buffer staging_;
    vulkan::Buffer target_;
    vulkan::Commands fill_;
    vulkan::Commands copy_;
    vulkan::OwnedFence fence_;
};

/// A measure by its name in requests, such as "submit"; null if there is none of this name.
using Rate = Nanoseconds (Rates::*)(uint32_t count) const;
Rate find_rate(std::string_view name);

}  // namespace viaduct::measure
