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
/// Begins and ends the job's part of the trace.
void trace_job(const JobOnRing& where);
void trace_end(const JobOutcome& outcome);
/// The job is cancelled because of `cause`.
void report_loss(const JobOnRing& where, const char* cause);

}  // namespace simgpu::sched
