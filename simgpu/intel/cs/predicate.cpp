// Predication: which commands run at all.
#include "simgpu/intel/cs/command_table.h"

namespace simgpu::intel::cs {

namespace {

/// MI_PREDICATE (PRM volume 2a): compares, combines with what was, loads.
bool predicate(Machine& machine, const Command& command) {
    enum Compare : uint32_t { kTrue, kFalse, kSourcesEqual, kDeltasEqual };
    enum Combine : uint32_t { kSet, kAnd, kOr, kXor };
    enum Load : uint32_t { kKeep = 0, kLoad = 2, kLoadInverted = 3 };
    ContextState& state = machine.state;
    const uint64_t source0 = state.registers.read64(reg::kPredicateSource0);
    const uint64_t source1 = state.registers.read64(reg::kPredicateSource1);
    bool result = false;
    switch (command.field(0, 1, 0)) {
        case kTrue:
            result = true;
            break;
        case kFalse:
            break;
        case kSourcesEqual:
            result = source0 == source1;
            break;
        case kDeltasEqual:
            result = source0 - source1 == state.registers.read64(reg::kPredicateData);
            break;
    }
    const uint32_t load = command.field(0, 7, 6);
    if (load == 1) return machine.refuse(command, "reserved load operation");
    if (load == kKeep) return true;
    if (load == kLoadInverted) result = !result;
    switch (command.field(0, 4, 3)) {
        case kSet:
            break;
        case kAnd:
            result = state.predicate && result;
            break;
        case kOr:
            result = state.predicate || result;
            break;
        case kXor:
            result = state.predicate != result;
            break;
    }
    state.predicate = result;
    state.registers.write(reg::kPredicateResult, result);
    return true;
}

bool set_predicate(Machine& machine, const Command& command) {
    const uint32_t mode = command.field(0, 3, 0);
    if (mode > 4 && mode != 15) return machine.refuse(command, "reserved predicate mode");
    machine.state.noop = NoopMode{static_cast<uint8_t>(mode)};
    return true;
}

constexpr CommandInfo kPredicateCommands[] = {
    {.key = mi(0x01),
     .name = "MI_SET_PREDICATE",
     .minimum = 1,
     .engines = kAllEngines,
     .handler = set_predicate,
     .always = true},
    {mi(0x0c), "MI_PREDICATE", 1, kAllEngines, predicate},
};

}  // namespace

std::span<const CommandInfo> predicate_commands() {
    return kPredicateCommands;
}

}  // namespace simgpu::intel::cs
