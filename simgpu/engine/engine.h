// The interface between a ring's scheduler and the engines that execute jobs.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

#include "simgpu/engine/gpu_memory.h"
#include "simgpu/engine/job_outcome.h"

namespace simgpu {

/// One buffer of commands of a job.
struct IndirectBuffer {
    uint64_t va = 0;
    uint32_t size_bytes = 0;
    uint32_t flags = 0;  // the driver's
};

/// Services available to an engine while it runs a job.
struct JobEnvironment {
    GpuMemory& memory;
    /// Set from another thread to end the job early (reset, close). Polled at least once per
    /// packet, per few thousand shader instructions, and in every wait.
    const std::atomic<bool>& stop;
    /// monotonic_ns() after which an unsatisfied wait or an endless shader is a hang.
    uint64_t deadline_ns = UINT64_MAX;
    /// thread_cpu_ns() that running code must have reached as well: on a busy host a job takes
    /// longer, which makes no hang of it.
    uint64_t cpu_deadline_ns = 0;
};

/// True if code that is still running is a hang by now.
bool runs_too_long(const JobEnvironment& environment);

/// Packets and instructions met, for `skipped` reports and tests. Names are stable.
struct EngineCounters {
    std::map<std::string, uint64_t> packets;
    std::map<std::string, uint64_t> skipped;
    uint64_t lane_instructions = 0;
};

/// A packet processor with the state that survives from one IB to the next of the same GPU
/// context (registers). One thread at a time.
class Engine {
  public:
    virtual ~Engine() = default;
    virtual JobOutcome execute(const IndirectBuffer& ib, JobEnvironment& environment) = 0;
    virtual const EngineCounters& counters() const = 0;
};

}  // namespace simgpu
