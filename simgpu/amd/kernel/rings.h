// The rings of a chip, and the packet processors behind them.
#pragma once

#include <memory>
#include <vector>

#include "simgpu/amd/kernel/model.h"
#include "simgpu/sched/rings.h"

namespace simgpu::amdgpu {

/// Which hardware ring an engine is made for.
struct RingPlace {
    const ModelInfo* model = nullptr;
    const IpBlock* ip = nullptr;
};

/// Makes the packet processor of an entity; replaceable for tests of the scheduling.
using EngineFactory = std::unique_ptr<Engine> (*)(const RingPlace& place);
std::unique_ptr<Engine> create_engine(const RingPlace& place);
void set_engine_factory_for_tests(EngineFactory factory);

/// All rings of the chip, by ModelInfo::ring_index().
std::vector<sched::RingDescription> describe_rings(const ModelInfo& model);

}  // namespace simgpu::amdgpu
