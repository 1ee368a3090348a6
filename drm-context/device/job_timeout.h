// How long the kernel lets a job run before it takes it for hung and resets the ring.
#pragma once

#include <chrono>
#include <string_view>

namespace viaduct {

using JobTimeout = std::chrono::milliseconds;
/// A year: as good as never, and nothing overflows that is added to it.
inline constexpr JobTimeout kNoJobTimeout = std::chrono::hours(24 * 365);

/// The longest of a GPU's time-outs, from the text of amdgpu's module parameter lockup_timeout:
/// "", "10000", "10000,60000,10000,10000" (gfx, compute, sdma, video). What cannot be parsed counts
/// as the kernel's default.
JobTimeout longest_lockup_timeout(std::string_view parameter);

/// The same for a GPU with this kernel driver on this host; `simulated`: for simulated GPUs. Reads
/// /sys, so it is for processes that are not jailed.
JobTimeout longest_job_timeout(std::string_view driver, bool simulated);

}  // namespace viaduct
