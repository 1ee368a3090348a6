// Flushes, the writes that come after them, and waits. Execution is in order and coherent: there
// is nothing to flush.
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

// "Post-Sync Operation" of PIPE_CONTROL, MI_FLUSH_DW and COMPUTE_WALKER (PRM volume 2a).
enum class PostSync : uint32_t { kNone, kImmediate, kDepthCount, kTimestamp };

bool post_sync(Machine& machine, PostSync operation, uint64_t va, uint64_t immediate) {
    switch (operation) {
        case PostSync::kNone:
            return true;
        case PostSync::kImmediate:
            return machine.job.store64(va, immediate);
        case PostSync::kDepthCount:
            // Samples that passed the depth test: without draws there are none.
            return machine.job.store64(va, 0);
        case PostSync::kTimestamp:
            return machine.job.store64(va, timestamp_now(machine.chip));
    }
    return true;
}

bool pipe_control(Machine& machine, const Command& command) {
    return post_sync(machine, PostSync{command.field(1, 15, 14)}, command.va64(2), command.pair(4));
}

bool flush_dw(Machine& machine, const Command& command) {
    const auto operation = PostSync{command.field(0, 15, 14)};
    if (operation == PostSync::kImmediate && command.size() < 5)
        return machine.job.store32(command.va32(1), command[3]);
    const uint64_t immediate = command.size() >= 5 ? command.pair(3) : 0;
    return post_sync(machine, operation, command.va64(1), immediate);
}

/// MI_SEMAPHORE_WAIT's comparison of what is found with what the command has.
bool holds(uint32_t comparison, uint32_t found, uint32_t wanted) {
    switch (comparison) {
        case 0:
            return found > wanted;
        case 1:
            return found >= wanted;
        case 2:
            return found < wanted;
        case 3:
            return found <= wanted;
        case 4:
            return found == wanted;
        default:
            return found != wanted;
    }
}

bool semaphore_wait(Machine& machine, const Command& command) {
    constexpr unsigned kRegisterPoll = 16;
    const uint32_t comparison = command.field(0, 14, 12);
    if (comparison > 5) return machine.refuse(command, "reserved comparison");
    if (command.bit(0, kRegisterPoll)) {
        const auto name = machine.state.registers.resolve(command[2] & 0x7ffffc, false);
        if (!name) return machine.refuse(command, "it polls an unknown register");
        return machine.job.wait("MI_SEMAPHORE_WAIT on a register", [&] {
            const uint32_t found = machine.state.registers.read(*name);
            return holds(comparison, found, command[1]) ? Probe::kSatisfied : Probe::kPending;
        });
    }
    return machine.job.wait("MI_SEMAPHORE_WAIT", [&] {
        const auto found = machine.job.load32(command.va32(2));
        if (!found) return Probe::kFailed;
        return holds(comparison, *found, command[1]) ? Probe::kSatisfied : Probe::kPending;
    });
}

/// RESOURCE_BARRIER: like the rest, execution in order makes it true.
constexpr CommandKey kResourceBarrier = gfx(0xac00);

constexpr CommandInfo kSyncCommands[] = {
    {mi(0x02), "MI_USER_INTERRUPT", 1, kAllEngines, nothing},
    {mi(0x09), "MI_MEM_FENCE", 1, kAllEngines, nothing, Generation::kXe2},
    {mi(0x1c), "MI_SEMAPHORE_WAIT", 4, kAllEngines, semaphore_wait},
    {mi(0x26), "MI_FLUSH_DW", 4, kAllEngines, flush_dw},
    {gfx(0x6109), "STATE_SYSTEM_MEM_FENCE_ADDRESS", 3, kAllEngines, nothing, Generation::kXe2},
    {kResourceBarrier, "RESOURCE_BARRIER", 5, kComputing, nothing, Generation::kXe2},
    {gfx(0x7a00), "PIPE_CONTROL", 6, kComputing, pipe_control},
};

}  // namespace

std::span<const CommandInfo> sync_commands() {
    return kSyncCommands;
}

}  // namespace simgpu::intel::cs
