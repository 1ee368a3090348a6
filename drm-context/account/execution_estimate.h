// How much GPU time the jobs of one context took, where the kernel counts something else.
//
// amdgpu's busy time of a client runs from when a job is handed to the hardware ring until it is
// done (amdgpu_ctx_fence_time). Two jobs sit on a ring (amdgpu_sched_hw_submission), and the second
// one waits there for the first, which may be another VM's: the sum over clients comes to twice the
// time. A sync file says when a job was done, but not when it began. What a VM sees of itself:
//
//   span    a job's end, minus the later of its submission and the end of the VM's job before it on
//           that ring. Never less than the execution. More if others' jobs ran in between.
//   busy    the kernel's count. Never less than the execution either; twice that while the ring is
//           full, for each moment is then counted for the job that runs and the one that waits.
//
// The estimate of a job is the shortest span among the last ones like it (same ring, same size of
// the command): waiting for others comes and goes, execution does not. A guest could make long jobs
// look like short ones; so what is paid is never less than half of the kernel's count, which is
// exact on a full ring and costs honest guests nothing on any other. And never more than all of it,
// plus what it may have counted early: a job that waits on the ring is counted at once, but when
// the job before it is done, the scheduler has it begin there (drm_sched_get_finished_job), and
// does not count again what it has counted for the wait.
//
// A guest that cheats gains twice its share at most; one with short jobs beside a neighbour's long
// ones pays up to half of the wait behind them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/ids.h"

namespace viaduct {

/// For one class of queues of one context. Times are CLOCK_MONOTONIC, in nanoseconds. Used by one
/// thread.
class ExecutionEstimate {
  public:
    struct Job {
        RingIndex ring = {};
        uint64_t size = 0;  // bytes of its command
        int64_t submitted_ns = 0;
        int64_t finished_ns = 0;
        int64_t previous_ns = 0;  // end of the VM's job before it on the ring; 0: not known
    };

    /// A job is done.
    void add(const Job& job);
    /// GPU time to pay for since the last call. `busy_ns`: the kernel's count so far, also of jobs
    /// that still run; 0: it does not count. `idle`: all jobs are done.
    uint64_t take_due(uint64_t busy_ns, bool idle);
    /// Average estimate of the last jobs; 0: there were none.
    int64_t typical_ns() const;

  private:
    struct Past {
        RingIndex ring = {};
        uint64_t size = 0;
        int64_t span_ns = 0;
        int64_t estimate_ns = 0;
    };
    static constexpr size_t kPast = 32;  // jobs

    std::array<Past, kPast> past_{};
    uint64_t jobs_ = 0;
    // Since the last balance:
    uint64_t balanced_busy_ns_ = 0;
    uint64_t counted_early_ns_ = 0;  // by the kernel before, at most
    uint64_t estimated_ns_ = 0;
    uint64_t paid_ns_ = 0;
};

}  // namespace viaduct
