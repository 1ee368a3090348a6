// The SDMA v4 packet processor: the copy engine behind the transfer queues.
#pragma once

#include <span>
#include <string>

#include "simgpu/amd/sdma/packet_table.h"
#include "simgpu/engine/packet_engine.h"

namespace simgpu::sdma {

class SdmaEngine final : public PacketEngine {
  public:
    SdmaEngine() : PacketEngine(packet_table().size()) {}

  private:
    bool run_packet(PacketRun& run) override;
    void trace_packet(const PacketInfo& info) const;
    std::string kind_name(size_t row) const override { return packet_table()[row].name; }
};

}  // namespace simgpu::sdma
