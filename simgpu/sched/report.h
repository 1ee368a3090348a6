// Log lines about jobs that went wrong.
#pragma once

#include "simgpu/engine/job_outcome.h"
#include "simgpu/sched/job.h"
#include "simgpu/sched/ring.h"

namespace simgpu::sched {

struct JobOnRing {
    const RingDescription& ring;
    const Job& job;
};

void report_recovery(const JobOnRing& where, const JobOutcome& outcome, shared::Recovery recovery);
/// The job is cancelled because of `cause`.
void report_loss(const JobOnRing& where, const char* cause);

}  // namespace simgpu::sched
