// The rings of an Intel GPU: one for each engine, whichever kernel driver feeds them.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "simgpu/intel/chip_info.h"
#include "simgpu/sched/rings.h"

namespace simgpu::intel {

/// A driver's view of the rings.
struct DriverRings {
    /// How its fdinfo names a class of engines.
    std::string_view (*name)(EngineClass engine_class) = nullptr;
    sched::FailureCodes failures{};
};

/// Makes the command streamer of an entity; replaceable for tests of the scheduling.
using EngineFactory = std::unique_ptr<Engine> (*)(const ChipInfo& chip, EngineClass engine_class);
/// Null: the real one.
void set_engine_factory_for_tests(EngineFactory factory);

/// In the order of ChipInfo::engines. A hang costs the job that hung and nobody else: the kernel
/// resets its engine (Linux: intel_engine_reset(), guc_handle_context_reset()); only an injected
/// reset takes the device.
std::vector<sched::RingDescription> describe_rings(const ChipInfo& chip, const DriverRings& driver);

/// Kinds of all rings that a chip of the driver can have, for the table of chips: static.
std::vector<std::string_view> ring_kinds(const ChipInfo& chip, const DriverRings& driver);

}  // namespace simgpu::intel
