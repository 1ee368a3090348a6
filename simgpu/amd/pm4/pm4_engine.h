// The PM4 packet processor: CP on the graphics ring, MEC on the compute rings.
#pragma once

#include <array>
#include <vector>

#include "simgpu/amd/pm4/machine.h"

namespace simgpu::pm4 {

class Pm4Engine final : public Engine {
  public:
    /// `dispatch` runs the compute shaders: gfx9::run_dispatch outside of tests.
    Pm4Engine(const Pm4Options& options, DispatchFunction dispatch);

    JobOutcome execute(const IndirectBuffer& ib, JobEnvironment& environment) override;
    const EngineCounters& counters() const override { return counters_; }
    const Registers& registers() const { return state_.registers; }

  private:
    bool step(Machine& machine);
    bool run_register_write(Machine& machine, uint32_t header);
    bool run_packet(Machine& machine, uint32_t header);
    void publish_counts();

    Pm4Options options_;
    DispatchFunction dispatch_;
    ContextState state_;
    EngineCounters counters_;
    // By opcode; put into the named counters at the end of each job.
    std::array<uint64_t, 256> met_{};
    std::array<uint64_t, 256> skipped_{};
    std::vector<CommandStream> streams_;
    std::vector<uint32_t> fetched_;
};

}  // namespace simgpu::pm4
