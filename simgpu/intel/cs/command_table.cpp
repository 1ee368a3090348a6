#include "simgpu/intel/cs/command_table.h"

#include <fmt/format.h>

#include <unordered_map>

namespace simgpu::intel::cs {

namespace {

constexpr uint32_t kTypeMi = 0;
constexpr uint32_t kTypeBlt = 2;
constexpr uint32_t kTypeBarrier = 5;  // RESOURCE_BARRIER
// MI commands below this opcode are a dword long and have no length field.
constexpr uint32_t kFirstLongMi = 0x10;

using Table = std::unordered_map<CommandKey, const CommandInfo*>;

Table make_table() {
    Table table;
    for (const std::span<const CommandInfo> rows :
         {batch_commands(), store_commands(), register_commands(), predicate_commands(),
          math_commands(), sync_commands(), base_commands(), compute_commands(),
          graphics_commands(), blitter_commands()})
        for (const CommandInfo& row : rows) table[row.key] = &row;
    return table;
}

}  // namespace

bool Machine::refuse(const Command& command, const std::string& why) {
    return job.hang(fmt::format("{}: {} at {:#x}: {}", chip.name, command_name(command.header()),
                                command.va, why));
}

bool Machine::noops() const {
    const bool result = state.registers.read(reg::kPredicateResult) & 1;
    const bool result2 = state.registers.read(reg::kPredicateResult2) & 1;
    switch (state.noop) {
        case NoopMode::kNever:
            return false;
        case NoopMode::kResult2Clear:
            return !result2;
        case NoopMode::kResult2Set:
            return result2;
        case NoopMode::kResultClear:
            return !result;
        case NoopMode::kResultSet:
            return result;
        case NoopMode::kAlways:
            break;
    }
    return true;
}

CommandKey key_of(uint32_t header) {
    switch (header >> 29) {
        case kTypeMi:
            return header & 0x1f800000;
        case kTypeBlt:
            return header & 0xffc00000;
        case kTypeBarrier:
            return header & 0xfc000000;
        default:
            return header & 0xffff0000;
    }
}

uint32_t dwords_of(uint32_t header) {
    const uint32_t type = header >> 29;
    if (type == kTypeMi && (header >> 23 & 0x3f) < kFirstLongMi) return 1;
    const bool single_dword_pipeline_command = type == 3 && (header >> 27 & 3) == 1;
    return single_dword_pipeline_command ? 1 : (header & 0xff) + 2;
}

const CommandInfo* find_command(CommandKey key) {
    static const Table* const table = new Table(make_table());  // ring threads outlive statics
    const auto found = table->find(key);
    return found == table->end() ? nullptr : found->second;
}

std::string command_name(uint32_t header) {
    const CommandInfo* info = find_command(key_of(header));
    return info ? info->name : fmt::format("command {:#010x}", header);
}

}  // namespace simgpu::intel::cs
