// Time-outs of jobs, and how the device recovers from one that hangs.
#pragma once

#include <cstdint>
#include <string>

#include "simgpu/amd/kernel/model.h"
#include "simgpu/engine/job_outcome.h"
#include "simgpu/shared/ring_feeder.h"

namespace simgpu::amdgpu {

/// How long jobs may execute, in nanoseconds. Linux 6.13 gives compute jobs 60 s and all others
/// 10 s (amdgpu_device_get_job_timeout_settings()): six times sched::job_timeout_ns(), and that.
struct JobTimeouts {
    uint64_t compute_ns = 0;
    uint64_t other_ns = 0;

    uint64_t of(const IpBlock& ip) const;
    /// Duration of a full reset: 1 s with Linux's time-outs.
    uint64_t full_reset_ns() const { return other_ns / 10; }
};
JobTimeouts job_timeouts();
/// "GFX,compute,SDMA,video" in milliseconds, as /sys/module/amdgpu/parameters/lockup_timeout shows
/// them.
std::string lockup_timeout();

/// The kernel's recovery from a job that ended like this on such a ring.
shared::Recovery choose_recovery(const JobOutcome& outcome, const IpBlock& ip,
                                 const ModelInfo& model);

}  // namespace simgpu::amdgpu
