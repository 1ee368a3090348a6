// How long a client kept a GPU's engines busy, as the kernel tells in /proc/PID/fdinfo.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "drm-context/device/queue_class.h"

namespace viaduct {

/// Nanoseconds, by QueueClass.
using BusyTimes = std::array<uint64_t, kQueueClasses>;

/// Adds up the "drm-engine-NAME: N ns" lines (kernel: Documentation/gpu/drm-usage-stats.rst).
BusyTimes parse_busy_times(std::string_view fdinfo);

}  // namespace viaduct
