#include "simgpu/intel/kernel/rings.h"

#include <algorithm>
#include <atomic>

#include "simgpu/intel/cs/engine.h"
#include "simgpu/sched/job_timeout.h"

namespace simgpu::intel {

namespace {

using shared::Recovery;

std::atomic<EngineFactory> engine_factory = create_engine;

Recovery choose_recovery(const JobOutcome& outcome) {
    return outcome.kind == JobOutcome::Kind::kReset ? Recovery::kFull : Recovery::kSoft;
}

}  // namespace

void set_engine_factory_for_tests(EngineFactory factory) {
    engine_factory = factory ? factory : create_engine;
}

std::vector<sched::RingDescription> describe_rings(const ChipInfo& chip,
                                                   const DriverRings& driver) {
    constexpr uint64_t kFullResetShare = 10;  // 1 s beside Linux's 10 s of patience
    std::vector<sched::RingDescription> rings;
    for (const EngineClass engine_class : chip.engines) {
        const auto same = [&](const sched::RingDescription& ring) {
            return ring.kind == driver.name(engine_class);
        };
        rings.push_back(
            {.kind = driver.name(engine_class),
             .number = static_cast<uint32_t>(std::ranges::count_if(rings, same)),
             .index = static_cast<uint32_t>(rings.size()),
             .timeout_ns = sched::job_timeout_ns(),
             .full_reset_ns = sched::job_timeout_ns() / kFullResetShare,
             .failures = driver.failures,
             .create_engine = [&chip,
                               engine_class] { return engine_factory.load()(chip, engine_class); },
             .recovery_from = choose_recovery});
    }
    return rings;
}

std::vector<std::string_view> ring_kinds(const ChipInfo& chip, const DriverRings& driver) {
    std::vector<std::string_view> kinds;
    for (const EngineClass engine_class : chip.engines)
        if (const auto name = driver.name(engine_class);
            std::ranges::find(kinds, name) == kinds.end())
            kinds.push_back(name);
    return kinds;
}

}  // namespace simgpu::intel
