// Commands that decide what runs next.
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

// MI_BATCH_BUFFER_START: a call, which its batch's end returns from, rather than a jump.
constexpr unsigned kSecondLevel = 22;
// A ring's batch, and one level that it calls. A batch of the second level can only jump.
constexpr size_t kDeepestNesting = 2;

bool nothing(Machine&, const Command&) {
    return true;
}

bool batch_buffer_end(Machine& machine, const Command&) {
    machine.batches.next.pop_back();
    return true;
}

bool batch_buffer_start(Machine& machine, const Command& command) {
    const uint64_t target = command.va32(1);
    std::vector<uint64_t>& next = machine.batches.next;
    const bool call = command.bit(0, kSecondLevel) && next.size() < kDeepestNesting;
    if (call)
        next.push_back(target);
    else
        next.back() = target;
    return true;
}

constexpr CommandInfo kBatchCommands[] = {
    {mi(0x00), "MI_NOOP", 1, kAllEngines, nothing},
    {mi(0x05), "MI_ARB_CHECK", 1, kAllEngines, nothing},
    {mi(0x08), "MI_ARB_ON_OFF", 1, kAllEngines, nothing},
    {mi(0x0a), "MI_BATCH_BUFFER_END", 1, kAllEngines, batch_buffer_end},
    {mi(0x31), "MI_BATCH_BUFFER_START", 3, kAllEngines, batch_buffer_start},
};

}  // namespace

std::span<const CommandInfo> batch_commands() {
    return kBatchCommands;
}

}  // namespace simgpu::intel::cs
