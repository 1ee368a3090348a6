// Commands that write memory: immediates, copies, atomics.
#include <algorithm>
#include <type_traits>

#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

constexpr unsigned kStoreQword = 21;

bool store_data_imm(Machine& machine, const Command& command) {
    if (!command.bit(0, kStoreQword)) return machine.job.store32(command.va32(1), command[3]);
    if (command.size() < 5) return machine.refuse(command, "a qword needs 5 dwords");
    return machine.job.store64(command.va64(1), command.pair(3));
}

bool copy_mem_mem(Machine& machine, const Command& command) {
    const auto value = machine.job.load32(command.va32(3));
    return value && machine.job.store32(command.va32(1), *value);
}

// MI_ATOMIC: operations by the low bits of the opcode, sizes by the upper ones (PRM volume 2a).
template <class T>
T atomic_result(uint32_t operation, T old, T operand, T compare) {
    using S = std::make_signed_t<T>;
    const auto signed_old = static_cast<S>(old), signed_operand = static_cast<S>(operand);
    switch (operation) {
        case 0x1:
            return old & operand;
        case 0x2:
            return old | operand;
        case 0x3:
            return old ^ operand;
        case 0x4:
            return operand;
        case 0x5:
            return old + 1;
        case 0x6:
        case 0xf:
            return old - 1;
        case 0x7:
            return old + operand;
        case 0x8:
            return old - operand;
        case 0x9:
            return operand - old;
        case 0xa:
            return signed_old > signed_operand ? old : operand;
        case 0xb:
            return signed_old < signed_operand ? old : operand;
        case 0xc:
            return std::max(old, operand);
        case 0xd:
            return std::min(old, operand);
        default:  // 0xe: compare, and write
            return old == operand ? compare : old;
    }
}

template <class T>
bool run_atomic(Machine& machine, const Command& command, uint32_t operation, T first, T second) {
    const auto old = machine.job.modify<T>(
        command.pair(1) & ~uint64_t{sizeof(T) - 1},
        [&](T value) { return atomic_result<T>(operation, value, first, second); });
    if (!old) return false;
    constexpr unsigned kReturnData = 16;
    if (command.bit(0, kReturnData))
        machine.state.registers.write64(reg::kGeneralPurpose, uint64_t{*old});
    return true;
}

bool atomic(Machine& machine, const Command& command) {
    constexpr unsigned kInlineData = 18;
    const uint32_t opcode = command.field(0, 15, 8);
    const uint32_t operation = opcode & 0xf, size = opcode >> 4;
    if (operation == 0 || (size != 0 && size != 2))
        return machine.refuse(command, "an atomic operation that is not simulated");
    Registers& registers = machine.state.registers;
    uint64_t first = registers.read64(reg::kGeneralPurpose);
    uint64_t second = registers.read64(reg::kGeneralPurpose + 8);
    if (command.bit(0, kInlineData)) {
        if (command.size() < 11) return machine.refuse(command, "its inline data is missing");
        first = uint64_t{command[5]} << 32 | command[3];
        second = uint64_t{command[6]} << 32 | command[4];
    }
    if (size == 0)
        return run_atomic<uint32_t>(machine, command, operation, static_cast<uint32_t>(first),
                                    static_cast<uint32_t>(second));
    return run_atomic<uint64_t>(machine, command, operation, first, second);
}

constexpr CommandInfo kStoreCommands[] = {
    {mi(0x20), "MI_STORE_DATA_IMM", 4, kAllEngines, store_data_imm},
    {mi(0x2e), "MI_COPY_MEM_MEM", 5, kAllEngines, copy_mem_mem},
    {mi(0x2f), "MI_ATOMIC", 3, kAllEngines, atomic},
};

}  // namespace

std::span<const CommandInfo> store_commands() {
    return kStoreCommands;
}

}  // namespace simgpu::intel::cs
