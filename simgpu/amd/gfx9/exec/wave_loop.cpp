#include "simgpu/amd/gfx9/exec/wave_loop.h"

#include <fmt/format.h>

#include "simgpu/amd/gfx9/decode/decode_valu.h"

namespace simgpu::gfx9 {

namespace {

// To nearest, denormals kept: fixed-function units compute between waves.
constexpr uint32_t kOrdinaryMode = 0xf0;

// The rare modes that change what vector instructions do.
void step_special(Wave& wave, const Instruction& in) {
    if (wave.mode_bits & mode::kVskip) return;
    const Instruction moved = with_gpr_index(in, wave.m0(), wave.vgpr_count);
    moved.handler(wave, moved);
}

JobOutcome unknown_instruction(const Instruction& in, uint64_t pc) {
    return make_outcome(
        JobOutcome::Kind::kBadShader,
        fmt::format("unknown instruction {:08x} {:08x} ({} opcode {:#x}) at {:#x}", in.words[0],
                    in.words[1], encoding_name(in.encoding), in.opcode, pc));
}

}  // namespace

JobOutcome make_outcome(JobOutcome::Kind kind, std::string report) {
    JobOutcome outcome;
    outcome.kind = kind;
    outcome.report = std::move(report);
    return outcome;
}

bool WaveLoop::run(Wave& wave, Program& program, JobOutcome& outcome) {
    uint64_t pc = 0, lane_instructions = 0;
    bool go_on = true;
    while (go_on && wave.status == Wave::Status::kRunning) {
        pc = wave.pc & ShaderMemory::kAddressMask;
        const Instruction* in = program.at(pc);
        if (!in) {
            wave.status = Wave::Status::kFault;
            break;
        }
        wave.pc += in->size;
        lane_instructions += in->vector ? wave.active_lanes() : 1;
        fp_.prepare(in->fp, wave.mode_bits);
        if (in->vector && wave.mode_bits & (mode::kGprIndexEnable | mode::kVskip))
            step_special(wave, *in);
        else
            in->handler(wave, *in);
        if (--until_poll_ == 0) go_on = poll(pc, outcome);
    }
    counters_.lane_instructions += lane_instructions;
    fp_.prepare(FpClass::kSingle, kOrdinaryMode);
    if (!go_on) return false;
    if (wave.status == Wave::Status::kEnded || wave.status == Wave::Status::kBarrier) return true;
    outcome = failure(wave, program, pc);
    return false;
}

// Waves that have ended count as having arrived.
bool WaveLoop::run_group(std::span<Wave> waves, Program& program, JobOutcome& outcome) {
    for (bool waiting = true; waiting;) {
        waiting = false;
        for (Wave& wave : waves) {
            if (wave.status == Wave::Status::kEnded) continue;
            wave.status = Wave::Status::kRunning;
            if (!run(wave, program, outcome)) return false;
            waiting = waiting || wave.status == Wave::Status::kBarrier;
        }
    }
    return true;
}

bool WaveLoop::poll(uint64_t pc, JobOutcome& outcome) {
    until_poll_ = kPollInterval;
    if (environment_.stop.load(std::memory_order_relaxed)) {
        outcome = make_outcome(JobOutcome::Kind::kStopped, "shader stopped on request");
        return false;
    }
    if (!runs_too_long(environment_)) return true;
    outcome = make_outcome(
        JobOutcome::Kind::kHang,
        fmt::format("shader at {:#x} ran past its deadline", pc & ShaderMemory::kAddressMask));
    return false;
}

JobOutcome WaveLoop::failure(const Wave& wave, Program& program, uint64_t pc) {
    switch (wave.status) {
        case Wave::Status::kHalted:
            return make_outcome(JobOutcome::Kind::kHang, fmt::format("shader halted at {:#x}", pc));
        case Wave::Status::kFault:
            return memory_fault(pc);
        default: {
            const Instruction* in = program.at(pc);
            return unknown_instruction(in ? *in : Instruction{}, pc);
        }
    }
}

JobOutcome WaveLoop::memory_fault(uint64_t pc) const {
    const bool write = memory_.fault_access() == Access::kWrite;
    JobOutcome outcome = make_outcome(
        JobOutcome::Kind::kFault, fmt::format("shader {} at {:#x} faulted, pc {:#x}",
                                              write ? "write" : "read", memory_.fault_va(), pc));
    outcome.fault_va = memory_.fault_va();
    outcome.fault_access = memory_.fault_access();
    return outcome;
}

}  // namespace simgpu::gfx9
