// Commands that move dwords between registers, memory and the command itself.
#include <fmt/format.h>

#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

constexpr unsigned kRelative = 19;        // the register counts from the engine's base
constexpr unsigned kRelativeSource = 18;  // LRR: likewise, of the source
constexpr unsigned kStorePredicated = 21;
constexpr uint32_t kAddressMask = 0x7ffffc;

bool take(Machine& machine, const Command& command, uint32_t address, bool relative,
          uint32_t* name) {
    const auto known = machine.state.registers.resolve(address & kAddressMask, relative);
    if (!known)
        return machine.refuse(
            command, fmt::format("register {:#x}{} is not one that batches access", address,
                                 relative ? " of the engine" : ""));
    *name = *known;
    return true;
}

bool load_register_imm(Machine& machine, const Command& command) {
    uint32_t name;
    for (size_t i = 1; i + 1 < command.size(); i += 2) {
        if (!take(machine, command, command[i], command.bit(0, kRelative), &name)) return false;
        machine.state.registers.write(name, command[i + 1]);
    }
    return true;
}

bool load_register_mem(Machine& machine, const Command& command) {
    uint32_t name;
    if (!take(machine, command, command[1], command.bit(0, kRelative), &name)) return false;
    const auto value = machine.job.load32(command.va32(2));
    if (value) machine.state.registers.write(name, *value);
    return value.has_value();
}

bool store_register_mem(Machine& machine, const Command& command) {
    uint32_t name;
    if (!take(machine, command, command[1], command.bit(0, kRelative), &name)) return false;
    if (command.bit(0, kStorePredicated) && !machine.state.predicate) return true;
    return machine.job.store32(command.va32(2), machine.state.registers.read(name));
}

bool load_register_reg(Machine& machine, const Command& command) {
    uint32_t from, to;
    if (!take(machine, command, command[1], command.bit(0, kRelativeSource), &from) ||
        !take(machine, command, command[2], command.bit(0, kRelative), &to))
        return false;
    machine.state.registers.write(to, machine.state.registers.read(from));
    return true;
}

constexpr CommandInfo kRegisterCommands[] = {
    {mi(0x22), "MI_LOAD_REGISTER_IMM", 3, kAllEngines, load_register_imm},
    {mi(0x24), "MI_STORE_REGISTER_MEM", 4, kAllEngines, store_register_mem},
    {mi(0x29), "MI_LOAD_REGISTER_MEM", 4, kAllEngines, load_register_mem},
    {mi(0x2a), "MI_LOAD_REGISTER_REG", 3, kAllEngines, load_register_reg},
};

}  // namespace

std::span<const CommandInfo> register_commands() {
    return kRegisterCommands;
}

}  // namespace simgpu::intel::cs
