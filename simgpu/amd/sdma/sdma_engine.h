// The SDMA v4 packet processor: the copy engine behind the transfer queues.
#pragma once

#include <vector>

#include "simgpu/amd/sdma/packet_table.h"
#include "simgpu/engine/engine.h"

namespace simgpu::sdma {

class SdmaEngine final : public Engine {
  public:
    SdmaEngine();

    JobOutcome execute(const IndirectBuffer& ib, JobEnvironment& environment) override;
    const EngineCounters& counters() const override { return counters_; }

  private:
    bool step(Machine& machine);
    void publish_counts();

    EngineCounters counters_;
    // By row of the packet table; put into the named counters at the end of each job.
    std::vector<uint64_t> met_;
    std::vector<CommandStream> streams_;
    std::vector<uint32_t> fetched_;
};

}  // namespace simgpu::sdma
