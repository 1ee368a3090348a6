// CommandStreamer: fetches commands from batches and runs them.
#pragma once

#include <array>
#include <unordered_map>

#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

class CommandStreamer final : public Engine {
  public:
    CommandStreamer(const ChipInfo& chip, EngineClass engine_class)
        : chip_(chip), class_(engine_class), state_(chip, engine_class) {}

    JobOutcome execute(const IndirectBuffer& batch, JobEnvironment& environment) override;
    const EngineCounters& counters() const override { return counters_; }

  private:
    bool step(Machine& machine);
    bool end_bad(Machine& machine, const std::string& what);
    void publish_counts();

    const ChipInfo& chip_;
    const EngineClass class_;
    ContextState state_;
    BatchStack batches_;
    EngineCounters counters_;
    // Commands met; put into the named counters at the end of each job.
    std::unordered_map<const CommandInfo*, uint64_t> met_;
    std::array<uint32_t, 257> fetched_;  // the longest command that a header can announce
};

}  // namespace simgpu::intel::cs
