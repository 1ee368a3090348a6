// Log lines about jobs that went wrong.
#pragma once

#include "simgpu/amd/kernel/job.h"
#include "simgpu/amd/kernel/ring.h"
#include "simgpu/engine/job_outcome.h"

namespace simgpu::amdgpu {

struct JobOnRing {
    const RingPlace& ring;
    const Job& job;
};

void report_recovery(const JobOnRing& where, const JobOutcome& outcome, shared::Recovery recovery);
/// The job is cancelled because of `cause`.
void report_loss(const JobOnRing& where, const char* cause);

}  // namespace simgpu::amdgpu
