// FailureCodes: how a kernel's driver lets jobs fail.
#pragma once

#include <cerrno>

namespace simgpu::sched {

/// Negative errnos of the fences of jobs that did not complete, and what becomes of the jobs behind
/// them. As drivers that use drm_sched have them, unless the driver says otherwise.
struct FailureCodes {
    int killed = -ENODATA;       // the job that a soft recovery ended (amdgpu_ring_soft_recovery())
    int faulted = -ENODATA;      // the same, of a job that met a fault instead of hanging
    int reset = -ECANCELED;      // the job for which a ring or the device was reset
    int bystander = -ECANCELED;  // jobs that such a reset took along
    bool spreads = true;         // jobs behind a failed one of their entity fail as well
};

}  // namespace simgpu::sched
