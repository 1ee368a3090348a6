#include "simgpu/intel/kernel/xe/rings.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "simgpu/intel/kernel/rings.h"
#include "simgpu/sched/job_timeout.h"

namespace simgpu::intel::xe {

namespace {

struct ClassName {
    EngineClass engine_class;
    std::string_view name;
};
constexpr std::array kNames = {
    ClassName{EngineClass::kRender, "rcs"},  ClassName{EngineClass::kCopy, "bcs"},
    ClassName{EngineClass::kVideo, "vcs"},   ClassName{EngineClass::kVideoEnhance, "vecs"},
    ClassName{EngineClass::kCompute, "ccs"},
};

// guc_exec_queue_timedout_job(): the job that hung, one that the GuC stopped, and all others of the
// queue. Errors do not spread to later jobs: the queue's ban does.
constexpr DriverRings kRings{
    .name = class_name,
    .failures = {.killed = -ETIME,
                 .faulted = -EIO,
                 .reset = -ECANCELED,
                 .bystander = -ECANCELED,
                 .spreads = false},
};

}  // namespace

std::string_view class_name(EngineClass engine_class) {
    return std::ranges::find(kNames, engine_class, &ClassName::engine_class)->name;
}

uint64_t job_timeout_ns() {
    return sched::job_timeout_ns() / 2;  // job_timeout_ms of xe_hw_engine.c: 5 s
}

std::vector<sched::RingDescription> describe_rings(const ChipInfo& chip) {
    auto rings = intel::describe_rings(chip, kRings);
    for (sched::RingDescription& ring : rings) ring.timeout_ns = job_timeout_ns();
    return rings;
}

std::vector<std::string_view> ring_kinds(const ChipInfo& chip) {
    return intel::ring_kinds(chip, kRings);
}

}  // namespace simgpu::intel::xe
