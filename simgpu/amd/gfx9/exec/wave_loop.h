// Running waves: instruction after instruction, with an eye on the clock and the stop flag.
#pragma once

#include <span>

#include "simgpu/amd/gfx9/decode/program.h"
#include "simgpu/amd/gfx9/memory/shader_memory.h"
#include "simgpu/amd/gfx9/wave/fp_environment.h"
#include "simgpu/amd/gfx9/wave/wave.h"
#include "simgpu/engine/engine.h"

namespace simgpu::gfx9 {

/// An outcome of `kind` with a sentence about it.
JobOutcome make_outcome(JobOutcome::Kind kind, std::string report);

/// One job's waves, on one thread. Adds to `counters.lane_instructions`.
class WaveLoop {
  public:
    WaveLoop(ShaderMemory& memory, JobEnvironment& environment, EngineCounters& counters)
        : memory_(memory), environment_(environment), counters_(counters) {}

    /// Runs `wave` until it has ended or waits at a barrier. False: it could do neither, and
    /// `outcome` has the reason.
    bool run(Wave& wave, Program& program, JobOutcome& outcome);
    /// Runs all waves of a workgroup to their ends, in turn from barrier to barrier.
    bool run_group(std::span<Wave> waves, Program& program, JobOutcome& outcome);
    /// False if the job was asked to stop or ran past its deadline. A storm of tiny waves has to
    /// call this too.
    bool poll(uint64_t pc, JobOutcome& outcome);
    /// The same, but looks only now and then: for loops between waves.
    bool poll_rarely(uint64_t pc, JobOutcome& outcome) {
        return --until_poll_ != 0 || poll(pc, outcome);
    }

  private:
    /// Instructions between two looks at the stop flag and the clock.
    static constexpr unsigned kPollInterval = 4096;

    JobOutcome failure(const Wave& wave, Program& program, uint64_t pc);
    JobOutcome memory_fault(uint64_t pc) const;

    ShaderMemory& memory_;
    JobEnvironment& environment_;
    EngineCounters& counters_;
    FpEnvironment fp_;
    unsigned until_poll_ = kPollInterval;
};

}  // namespace simgpu::gfx9
