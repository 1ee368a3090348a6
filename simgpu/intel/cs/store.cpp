// Commands that move dwords between memory and the command itself.
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

constexpr unsigned kStoreQword = 21;

bool store_data_imm(Machine& machine, const Command& command) {
    if (!command.bit(0, kStoreQword)) return machine.job.store32(command.va32(1), command[3]);
    if (command.size() < 5) return machine.job.hang("MI_STORE_DATA_IMM: a qword needs 5 dwords");
    return machine.job.store64(command.va64(1), command.pair(3));
}

constexpr CommandInfo kStoreCommands[] = {
    {mi(0x20), "MI_STORE_DATA_IMM", 4, kAllEngines, store_data_imm},
};

}  // namespace

std::span<const CommandInfo> store_commands() {
    return kStoreCommands;
}

}  // namespace simgpu::intel::cs
