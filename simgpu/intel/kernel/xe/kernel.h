// The kernel whose xe driver the simulated device plays.
#pragma once

#include <string_view>

#include "base/result.h"

namespace simgpu::intel::xe {

inline constexpr const char* kDriverName = "xe";

/// Two states of the driver that differ in what they refuse.
enum class Kernel {
    kLinux616,  // takes in-syncs where nothing is executed or bound, and any number of jobs
    kLinux70,  // refuses those, more than 1024 syncs, and more than 1000 unfinished jobs of a queue
};

/// "6.16" or "7.0"; an empty text is 7.0. EINVAL and one sentence for anything else.
viaduct::Result<Kernel> parse_kernel(std::string_view text);

/// The kernel that $VIADUCT_SIMGPU_KERNEL asks for, read at each call. Opening the device has
/// refused a value that makes no sense. Thread-safe.
Kernel kernel();

}  // namespace simgpu::intel::xe
