// How long jobs may execute.
#pragma once

#include <cstdint>

namespace simgpu::sched {

/// Of jobs on rings without a time-out of their own, in nanoseconds: the 10 s of Linux 6.13
/// (amdgpu_device_get_job_timeout_settings()), or what $VIADUCT_SIMGPU_HANG_MS says, which drivers
/// scale their other time-outs by.
uint64_t job_timeout_ns();

}  // namespace simgpu::sched
