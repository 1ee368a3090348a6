// Timeouts of the amdgpu ioctls.
#pragma once

#include <chrono>
#include <cstdint>

namespace simgpu::amdgpu {

/// Absolute CLOCK_MONOTONIC nanoseconds; what is negative as a signed number waits for ever (Linux:
/// amdgpu_gem_timeout()).
inline std::chrono::steady_clock::time_point deadline_of(uint64_t timeout_ns) {
    using Clock = std::chrono::steady_clock;
    const auto signed_ns = static_cast<int64_t>(timeout_ns);
    if (signed_ns < 0) return Clock::time_point::max();
    return Clock::time_point(std::chrono::nanoseconds(signed_ns));
}

}  // namespace simgpu::amdgpu
