// Flushes, and the writes that come after them. Execution is in order and coherent: there is
// nothing to flush.
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

// "Post-Sync Operation" of PIPE_CONTROL and MI_FLUSH_DW (PRM volume 2a).
enum class PostSync : uint32_t { kNone, kImmediate, kDepthCount, kTimestamp };

bool post_sync(Machine& machine, PostSync operation, uint64_t va, uint64_t immediate) {
    switch (operation) {
        case PostSync::kNone:
            return true;
        case PostSync::kImmediate:
            return machine.job.store64(va, immediate);
        case PostSync::kDepthCount:
            // Samples that passed the depth test: draws are not simulated, so it never changes.
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
    const uint64_t immediate = command.size() >= 5 ? command.pair(3) : command[3];
    if (operation == PostSync::kImmediate && command.size() < 5)
        return machine.job.store32(command.va32(1), command[3]);
    return post_sync(machine, operation, command.va64(1), immediate);
}

constexpr CommandInfo kSyncCommands[] = {
    {mi(0x26), "MI_FLUSH_DW", 4, kAllEngines, flush_dw},
    {gfx(0x7a00), "PIPE_CONTROL", 6, kComputing, pipe_control},
};

}  // namespace

std::span<const CommandInfo> sync_commands() {
    return kSyncCommands;
}

}  // namespace simgpu::intel::cs
