// The PM4 packet processor: CP on the graphics ring, MEC on the compute rings.
#pragma once

#include <string>

#include "simgpu/amd/pm4/machine.h"
#include "simgpu/amd/pm4/packet_table.h"

namespace simgpu::pm4 {

class Pm4Engine final : public PacketEngine {
  public:
    /// `dispatch` runs the compute shaders, `draw` the draws: gfx9::run_dispatch and
    /// gfx9::draw::run_draw outside of tests. Without `draw`, draws count as skipped.
    Pm4Engine(const Pm4Options& options, DispatchFunction dispatch, DrawFunction draw = {});

    const Registers& registers() const { return state_.registers; }

  private:
    bool run_packet(PacketRun& run) override;
    std::string kind_name(size_t opcode) const override;
    bool write_registers(uint32_t header);
    bool run_type3(PacketRun& run, uint32_t header);

    const PacketTable& table_ = packet_table();
    Pm4Options options_;
    DispatchFunction dispatch_;
    DrawFunction draw_;
    ContextState state_;
};

}  // namespace simgpu::pm4
