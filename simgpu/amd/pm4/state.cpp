// Packets that set or load registers.
#include <algorithm>

#include "simgpu/amd/pm4/clear_state.h"
#include "simgpu/amd/pm4/packet_table.h"

namespace simgpu::pm4 {

namespace {

constexpr uint32_t kOffsetMask = 0xffff;  // REG_OFFSET; the upper half holds an index we ignore

// SPI_SHADER_USER_DATA_COMMON_0, and the first ones of PS, VS, ES and LS, which it stands for.
constexpr uint32_t kCommonUserData = 0xb530 / 4, kUserDataRegisters = 32;
constexpr uint32_t kStagesUserData[] = {0xb030 / 4, 0xb130 / 4, 0xb330 / 4, 0xb430 / 4};

void write_register(Registers& registers, uint32_t index, uint32_t value) {
    registers.write(index, value);
    if (index - kCommonUserData >= kUserDataRegisters) return;
    for (const uint32_t first : kStagesUserData)
        registers.write(first + index - kCommonUserData, value);
}

/// A packet cannot reach out of its window: what lies past the end is dropped.
bool set_registers(Machine& machine, const Packet& packet, RegisterWindow window) {
    const uint32_t first = window.first + (packet[0] & kOffsetMask);
    for (uint32_t i = 1; i < packet.size() && first + i - 1 < window.end; i++)
        write_register(machine.state.registers, first + i - 1, packet[i]);
    return true;
}

/// Loads `count` registers from `first` on, which lie one after the other at `va`. False: the job
/// has ended.
bool load_range(Machine& machine, uint32_t first, uint32_t count, uint64_t va) {
    for (uint32_t i = 0; i < count; i++) {
        const auto value = machine.job.load32(va + uint64_t{i} * 4);
        if (!value) return false;
        write_register(machine.state.registers, first + i, *value);
    }
    return machine.job.poll();
}

/// Base address, then pairs of {offset in the window, dword count}: each range is loaded from
/// where it lies in a shadow copy of the window.
bool load_registers(Machine& machine, const Packet& packet, RegisterWindow window) {
    const uint64_t base = (packet.pair(0) & ((uint64_t{1} << 48) - 1)) & ~uint64_t{3};
    const uint32_t window_size = window.end - window.first;
    for (size_t pair = 2; pair + 1 < packet.size(); pair += 2) {
        const uint32_t offset = packet[pair] & kOffsetMask;
        if (offset >= window_size) continue;
        const uint32_t count = std::min(packet[pair + 1] & 0x3fff, window_size - offset);
        if (!load_range(machine, window.first + offset, count, base + uint64_t{offset} * 4))
            return false;
    }
    return true;
}

bool set_config_reg(Machine& machine, const Packet& packet) {
    return set_registers(machine, packet, kConfigWindow);
}
bool set_sh_reg(Machine& machine, const Packet& packet) {
    return set_registers(machine, packet, kShWindow);
}
bool set_context_reg(Machine& machine, const Packet& packet) {
    return set_registers(machine, packet, kContextWindow);
}
bool set_uconfig_reg(Machine& machine, const Packet& packet) {
    return set_registers(machine, packet, kUconfigWindow);
}

bool load_config_reg(Machine& machine, const Packet& packet) {
    return load_registers(machine, packet, kConfigWindow);
}
bool load_sh_reg(Machine& machine, const Packet& packet) {
    return load_registers(machine, packet, kShWindow);
}
bool load_context_reg(Machine& machine, const Packet& packet) {
    return load_registers(machine, packet, kContextWindow);
}
bool load_uconfig_reg(Machine& machine, const Packet& packet) {
    return load_registers(machine, packet, kUconfigWindow);
}

/// Address, first register, count: registers one after the other from there on.
bool load_context_reg_index(Machine& machine, const Packet& packet) {
    constexpr uint32_t kByOffset = 1;  // INDEX: the address is a base for an offset
    if (packet[0] & kByOffset) return machine.skipped("LOAD_CONTEXT_REG_INDEX by offset");
    const uint32_t first = kContextWindow.first + (packet[2] & kOffsetMask);
    if (first >= kContextWindow.end) return true;
    const uint32_t count = std::min(packet[3] & 0x3fff, kContextWindow.end - first);
    return load_range(machine, first, count, packet.va32(0));
}

bool reg_rmw(Machine& machine, const Packet& packet) {
    constexpr uint32_t kMaskIsRegister = 1u << 31;  // OR_MASK_SRC, AND_MASK_SRC (bit 30)
    Registers& registers = machine.state.registers;
    const auto operand = [&](uint32_t dword, bool is_register) {
        return is_register ? registers.read(dword & kRegisterMask) : dword;
    };
    const uint32_t target = packet[0] & kRegisterMask;
    const uint32_t and_mask = operand(packet[1], packet[0] & kMaskIsRegister >> 1);
    const uint32_t or_mask = operand(packet[2], packet[0] & kMaskIsRegister);
    registers.write(target, (registers.read(target) & and_mask) | or_mask);
    return true;
}

bool context_reg_rmw(Machine& machine, const Packet& packet) {
    const uint32_t target = kContextWindow.first + (packet[0] & kOffsetMask);
    if (target >= kContextWindow.end) return true;
    Registers& registers = machine.state.registers;
    const uint32_t mask = packet[1];
    registers.write(target, (registers.read(target) & ~mask) | (packet[2] & mask));
    return true;
}

bool clear_state(Machine& machine, const Packet&) {
    load_clear_state(machine.state.registers);
    return true;
}

bool set_base(Machine& machine, const Packet& packet) {
    constexpr uint32_t kIndirectBase = 1;  // BASE_INDEX: for DRAW_INDIRECT and DISPATCH_INDIRECT
    if ((packet[0] & 0xf) == kIndirectBase)
        machine.state.indirect_base[packet.for_compute()] = packet.va64(1);
    return true;
}

constexpr PacketInfo kStatePackets[] = {
    {0x11, "SET_BASE", 3, set_base},
    {0x12, "CLEAR_STATE", 0, clear_state},
    {0x21, "REG_RMW", 3, reg_rmw},
    {0x51, "CONTEXT_REG_RMW", 3, context_reg_rmw},
    {0x5e, "LOAD_UCONFIG_REG", 2, load_uconfig_reg},
    {0x5f, "LOAD_SH_REG", 2, load_sh_reg},
    {0x60, "LOAD_CONFIG_REG", 2, load_config_reg},
    {0x61, "LOAD_CONTEXT_REG", 2, load_context_reg},
    {0x68, "SET_CONFIG_REG", 1, set_config_reg},
    {0x69, "SET_CONTEXT_REG", 1, set_context_reg},
    {0x6a, "SET_CONTEXT_REG_INDEX", 1, set_context_reg},
    {0x76, "SET_SH_REG", 1, set_sh_reg},
    {0x79, "SET_UCONFIG_REG", 1, set_uconfig_reg},
    {0x7a, "SET_UCONFIG_REG_INDEX", 1, set_uconfig_reg},
    {0x9b, "SET_SH_REG_INDEX", 1, set_sh_reg},
    {0x9f, "LOAD_CONTEXT_REG_INDEX", 4, load_context_reg_index},
};

}  // namespace

std::optional<RegisterWindow> register_window(uint8_t opcode) {
    switch (opcode) {
        case 0x68:
            return kConfigWindow;
        case 0x69:
        case 0x6a:
            return kContextWindow;
        case 0x76:
        case 0x9b:
            return kShWindow;
        case 0x79:
        case 0x7a:
            return kUconfigWindow;
        default:
            return {};
    }
}

std::span<const PacketInfo> state_packets() {
    return kStatePackets;
}

}  // namespace simgpu::pm4
