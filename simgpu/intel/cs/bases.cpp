// Base addresses that later commands and messages count from.
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

constexpr uint64_t kPageMask = ~uint64_t{0xfff};
constexpr uint32_t kModify = 1;  // bit 0 of each field

bool state_base_address(Machine& machine, const Command& command) {
    eu::StateBases& bases = machine.state.bases;
    const auto take = [&](size_t dword, uint64_t& base) {
        if (command[dword] & kModify) base = command.pair(dword) & kPageMask;
    };
    take(1, bases.general);
    take(4, bases.surface);
    take(6, bases.dynamic);
    take(10, bases.instruction);
    take(16, bases.bindless_surface);
    take(19, bases.bindless_sampler);
    if (command[12] & kModify) bases.general_bytes = command[12] & kPageMask;
    return true;
}

/// From 12.5 on binding tables are always in the pool.
bool binding_table_pool(Machine& machine, const Command& command) {
    constexpr unsigned kEnable = 11;
    machine.state.bases.binding_table_pool = command.pair(1) & kPageMask;
    machine.state.bases.pool_enabled =
        command.bit(1, kEnable) || machine.chip.generation >= Generation::kGen12_5;
    return true;
}

bool pipeline_select(Machine& machine, const Command& command) {
    constexpr uint32_t kGpgpu = 2;
    const uint32_t written = command.field(0, 9, 8);  // mask of the bits below
    if (written == 0) return true;
    machine.state.compute_pipeline = command.field(0, 1, 0) == kGpgpu;
    return true;
}

constexpr CommandInfo kBaseCommands[] = {
    {gfx(0x6101), "STATE_BASE_ADDRESS", 22, kComputing, state_base_address},
    {gfx(0x6904), "PIPELINE_SELECT", 1, kComputing, pipeline_select},
    {gfx(0x7919), "3DSTATE_BINDING_TABLE_POOL_ALLOC", 4, kComputing, binding_table_pool},
};

}  // namespace

std::span<const CommandInfo> base_commands() {
    return kBaseCommands;
}

}  // namespace simgpu::intel::cs
