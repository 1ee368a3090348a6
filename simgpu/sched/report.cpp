#include "simgpu/sched/report.h"

#include <fmt/format.h>

#include "simgpu/log.h"
#include "simgpu/null_mode.h"
#include "simgpu/trace.h"

namespace simgpu::sched {

namespace {

std::string name_of(const JobOnRing& where) {
    return fmt::format("{} ring {}, context {} of client {} ({}), job {}", where.ring.kind,
                       where.ring.number, where.job.context->id(), where.job.client->id(),
                       where.job.client->name(), where.job.sequence);
}

const char* name_of(shared::Recovery recovery) {
    switch (recovery) {
        case shared::Recovery::kSoft:
            return "its shaders are killed";
        case shared::Recovery::kRing:
            return "the ring is reset";
        case shared::Recovery::kFull:
            return "the device is reset";
        default:
            return "the device is reset and VRAM is lost";
    }
}

}  // namespace

void report_recovery(const JobOnRing& where, const JobOutcome& outcome, shared::Recovery recovery) {
    const std::string name = name_of(where);
    const std::string detail = outcome.report.empty() ? "" : fmt::format(": {}", outcome.report);
    const char* const cure = name_of(recovery);
    switch (outcome.kind) {
        case JobOutcome::Kind::kFault:
            log("VM fault on {}: {} of address {:#x}, {}{}; {}", name,
                outcome.fault_access == Access::kRead ? "read" : "write", outcome.fault_va,
                where.job.page_table->describe_surroundings(outcome.fault_va), detail, cure);
            break;
        case JobOutcome::Kind::kBadShader:
            log("unknown instruction on {}{}; {}", name, detail, cure);
            break;
        case JobOutcome::Kind::kReset:
            log("reset during {}{}; {}", name, detail, cure);
            break;
        default:
            log("hang on {}{}; {}", name, detail, cure);
            break;
    }
}

void trace_job(const JobOnRing& where) {
    if (tracing()) trace("job on {}", name_of(where));
}

void trace_end(const JobOutcome& outcome) {
    constexpr const char* kKinds[] = {"done", "VM fault", "not simulated",
                                      "hang", "reset",    "stopped"};
    if (!tracing()) return;
    if (null_mode()) trace("  not executed: VIADUCT_SIMGPU_NULL=1");
    trace("  {}{}{}\n", kKinds[static_cast<size_t>(outcome.kind)],
          outcome.report.empty() ? "" : ": ", outcome.report);
    flush_trace();
}

void report_loss(const JobOnRing& where, const char* cause) {
    log("job lost on {}: {}", name_of(where), cause);
}

}  // namespace simgpu::sched
