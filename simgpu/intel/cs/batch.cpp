// Commands that decide what runs next.
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

// MI_BATCH_BUFFER_START: a call, which its batch's end returns from, rather than a jump.
constexpr unsigned kSecondLevel = 22;
// Not taken where MI_SET_PREDICATE makes no-ops of commands.
constexpr unsigned kNoopPredicated = 15;
// A ring's batch, and one level that it calls. A batch of the second level can only jump.
constexpr size_t kDeepestNesting = 2;

bool batch_buffer_end(Machine& machine, const Command&) {
    machine.batches.next.pop_back();
    return true;
}

bool batch_buffer_start(Machine& machine, const Command& command) {
    if (command.bit(0, kNoopPredicated) && machine.noops()) return true;
    const uint64_t target = command.va32(1);
    std::vector<uint64_t>& next = machine.batches.next;
    const bool call = command.bit(0, kSecondLevel) && next.size() < kDeepestNesting;
    if (call)
        next.push_back(target);
    else
        next.back() = target;
    return true;
}

/// Ends the batch if the data in memory is not greater than the command's.
bool conditional_end(Machine& machine, const Command& command) {
    constexpr unsigned kCompareMask = 19, kCompareSemaphore = 21;
    uint32_t mask = ~0u;
    if (command.bit(0, kCompareMask)) {
        const auto stored = machine.job.load32(command.va64(2) + 4);
        if (!stored) return false;
        mask = *stored;
    }
    const auto value = machine.job.load32(command.va64(2));
    if (!value) return false;
    if (command.bit(0, kCompareSemaphore) && (*value & mask) > command[1]) return true;
    if (!command.bit(0, kCompareSemaphore) && (*value & mask) != 0) return true;
    machine.batches.next.pop_back();
    return true;
}

constexpr CommandInfo kBatchCommands[] = {
    {mi(0x00), "MI_NOOP", 1, kAllEngines, nothing},
    {mi(0x05), "MI_ARB_CHECK", 1, kAllEngines, nothing},
    {mi(0x08), "MI_ARB_ON_OFF", 1, kAllEngines, nothing},
    {.key = mi(0x0a),
     .name = "MI_BATCH_BUFFER_END",
     .minimum = 1,
     .engines = kAllEngines,
     .handler = batch_buffer_end,
     .always = true},
    {.key = mi(0x31),
     .name = "MI_BATCH_BUFFER_START",
     .minimum = 3,
     .engines = kAllEngines,
     .handler = batch_buffer_start,
     .always = true},
    {mi(0x36), "MI_CONDITIONAL_BATCH_BUFFER_END", 4, kAllEngines, conditional_end},
};

}  // namespace

std::span<const CommandInfo> batch_commands() {
    return kBatchCommands;
}

}  // namespace simgpu::intel::cs
