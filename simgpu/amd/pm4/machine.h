// The packet that a PM4 handler executes, and the machine that it changes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "simgpu/amd/gfx9/exec/compute.h"
#include "simgpu/amd/pm4/registers.h"
#include "simgpu/engine/command_stream.h"
#include "simgpu/engine/engine.h"
#include "simgpu/engine/job_run.h"

namespace simgpu::pm4 {

/// One type 3 packet: its header and a private copy of its body.
struct Packet {
    uint32_t header = 0;
    std::span<const uint32_t> body;

    uint32_t operator[](size_t index) const { return body[index]; }
    size_t size() const { return body.size(); }
    /// The 64-bit value in dwords `index` (low) and `index + 1`.
    uint64_t pair(size_t index) const { return uint64_t{body[index + 1]} << 32 | body[index]; }
    /// The same as an address of something of 4 or 8 bytes: hardware ignores the low bits.
    uint64_t va32(size_t index) const { return pair(index) & ~uint64_t{3}; }
    uint64_t va64(size_t index) const { return pair(index) & ~uint64_t{7}; }
    bool predicated() const { return header & 1; }
    /// Header bit 1: compute rather than graphics state is meant.
    bool for_compute() const { return header & 2; }
};

using DispatchFunction =
    std::function<JobOutcome(const gfx9::Dispatch&, JobEnvironment&, EngineCounters&)>;

/// State that survives from IB to IB of one GPU context.
struct ContextState {
    Registers registers;
    GlobalDataShare gds;
    /// SET_BASE: where DRAW_INDIRECT and DISPATCH_INDIRECT offsets count from; [1] for compute.
    uint64_t indirect_base[2] = {};
    /// SET_PREDICATION found that predicated packets are to be skipped.
    bool predicate_skips = false;
    /// Result of the last ATOMIC_MEM, for COPY_DATA.
    uint64_t atomic_result = 0;
    /// Compute invocations so far, for the pipeline statistics.
    uint64_t compute_invocations = 0;
};

/// The machine while one job runs.
struct Machine {
    JobRun& job;
    ContextState& state;
    /// The IB that runs (last) and those it was called from.
    std::vector<CommandStream>& streams;
    const Pm4Options& options;
    const DispatchFunction& dispatch;
    EngineCounters& counters;

    CommandStream& stream() { return streams.back(); }
    /// Counts work that was passed over under a name of its own. Always true, so that a handler
    /// can `return machine.skipped(...)`.
    bool skipped(const char* name) {
        counters.skipped[name]++;
        return true;
    }
};

}  // namespace simgpu::pm4
