// Running threads: instruction after instruction, with an eye on the clock and the stop flag.
#pragma once

#include "simgpu/engine/engine.h"
#include "simgpu/intel/eu/decode/program.h"
#include "simgpu/intel/eu/exec/fp_control.h"
#include "simgpu/intel/eu/exec/thread.h"
#include "simgpu/intel/eu/memory/eu_memory.h"

namespace simgpu::intel::eu {

/// An outcome of `kind` with a sentence about it.
JobOutcome make_outcome(JobOutcome::Kind kind, std::string report);

/// One walker's threads, on the calling thread. Adds to `counters.lane_instructions`.
class ThreadLoop {
  public:
    ThreadLoop(Program& program, EuMemory& memory, JobEnvironment& environment,
               EngineCounters& counters)
        : program_(program), memory_(memory), environment_(environment), counters_(counters) {}

    /// Runs `thread` until it has ended, waits at a barrier or its turn is over. False: it could
    /// not go on, and `outcome` has the reason.
    bool run(Thread& thread, JobOutcome& outcome);
    /// False if the job was asked to stop or ran past its deadline. A storm of tiny groups has to
    /// call this too.
    bool poll(JobOutcome& outcome);

  private:
    /// Instructions of a turn: threads of a group may wait for each other through SLM.
    static constexpr unsigned kTurn = 4096;

    JobOutcome failure(const Thread& thread, uint32_t ip);

    Program& program_;
    EuMemory& memory_;
    JobEnvironment& environment_;
    EngineCounters& counters_;
    FpControl fp_;
};

}  // namespace simgpu::intel::eu
