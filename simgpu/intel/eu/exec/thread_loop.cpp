#include "simgpu/intel/eu/exec/thread_loop.h"

#include <fmt/format.h>

#include <bit>

#include "simgpu/intel/eu/alu/operands.h"
#include "simgpu/intel/eu/exec/flow.h"

namespace simgpu::intel::eu {

JobOutcome make_outcome(JobOutcome::Kind kind, std::string report) {
    JobOutcome outcome;
    outcome.kind = kind;
    outcome.report = std::move(report);
    return outcome;
}

bool ThreadLoop::run(Thread& thread, JobOutcome& outcome) {
    uint64_t lane_instructions = 0;
    uint32_t ip = thread.ip;
    for (unsigned i = 0; i < kTurn && thread.status == Thread::Status::kRunning; i++) {
        if (thread.active != thread.dispatched) wake_channels(thread);
        ip = thread.ip;
        const Instruction* in = program_.at(ip & ~7u);
        if (!in) {
            thread.status = Thread::Status::kFault;
            break;
        }
        thread.ip = (ip & ~7u) + in->size;
        lane_instructions +=
            static_cast<unsigned>(std::popcount(unpredicated_channels(thread, *in)));
        fp_.prepare(in->fp, thread.control);
        in->handler(thread, *in);
    }
    counters_.lane_instructions += lane_instructions;
    if (!poll(outcome)) return false;
    if (thread.status < Thread::Status::kFault) return true;
    outcome = failure(thread, ip);
    return false;
}

bool ThreadLoop::poll(JobOutcome& outcome) {
    if (environment_.stop.load(std::memory_order_relaxed)) {
        outcome = make_outcome(JobOutcome::Kind::kStopped, "kernel stopped on request");
        return false;
    }
    if (!runs_too_long(environment_)) return true;
    outcome =
        make_outcome(JobOutcome::Kind::kHang,
                     fmt::format("kernel at {:#x} ran past its deadline", program_.address_of(0)));
    return false;
}

JobOutcome ThreadLoop::failure(const Thread& thread, uint32_t ip) {
    const uint64_t where = program_.address_of(ip);
    if (thread.status == Thread::Status::kFault || memory_.faulted()) {
        const bool write = memory_.fault_access() == Access::kWrite;
        JobOutcome outcome =
            make_outcome(JobOutcome::Kind::kFault,
                         fmt::format("kernel {} at {:#x} faulted, instruction at {:#x}",
                                     write ? "write" : "read", memory_.fault_va(), where));
        outcome.fault_va = memory_.fault_va();
        outcome.fault_access = memory_.fault_access();
        return outcome;
    }
    const Instruction* in = program_.at(ip & ~7u);
    if (!in) return make_outcome(JobOutcome::Kind::kBadShader, thread.problem);
    return make_outcome(
        JobOutcome::Kind::kBadShader,
        fmt::format("{} at {:#x} ({:08x} {:08x} {:08x} {:08x}): {}", in->name, where, in->words[0],
                    in->words[1], in->words[2], in->words[3], thread.problem));
}

}  // namespace simgpu::intel::eu
