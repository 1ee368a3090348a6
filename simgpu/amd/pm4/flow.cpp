// Packets that decide which packets run: indirect buffers, conditions, predication.
#include "simgpu/amd/pm4/packet_table.h"

namespace simgpu::pm4 {

namespace {

constexpr uint32_t kExecCountMask = 0x3fff;

// SET_PREDICATION.PRED_OP (sid.h).
enum PredicateOperation : uint32_t {
    kClear = 0,
    kZpass = 1,
    kPrimcount = 2,
    kBool64 = 3,
    kBool32 = 4
};

/// True if any backend of an occlusion query counted a sample.
std::optional<bool> any_sample_passed(Machine& machine, uint64_t va) {
    constexpr uint64_t kCountMask = ~(uint64_t{1} << 63);
    bool passed = false;
    for (uint32_t i = 0; i < machine.options.render_backends; i++) {
        const auto begin = machine.job.load64(va + uint64_t{i} * 16);
        const auto end = machine.job.load64(va + uint64_t{i} * 16 + 8);
        if (!begin || !end) return std::nullopt;
        passed |= (*begin & kCountMask) != (*end & kCountMask);
    }
    return passed;
}

/// True if all primitives that were to be streamed out between the two samples of a query were
/// written: primitives needed and written, at its begin and at its end.
std::optional<bool> none_overflowed(Machine& machine, uint64_t va) {
    uint64_t count[4];
    for (uint32_t i = 0; i < 4; i++) {
        const auto value = machine.job.load64(va + uint64_t{i} * 8);
        if (!value) return std::nullopt;
        count[i] = *value;
    }
    return count[2] - count[0] == count[3] - count[1];
}

template <typename T>
std::optional<bool> not_zero(const std::optional<T>& value) {
    return value ? std::optional(*value != 0) : std::nullopt;
}

bool indirect_buffer(Machine& machine, const Packet& packet) {
    const uint32_t control = packet[2];
    const uint32_t dwords = control & 0xfffff;  // IB_SIZE
    const bool chain = control >> 20 & 1;       // replaces this IB and does not nest
    if (chain) {
        machine.stream() = CommandStream(packet.pair(0), dwords);
        return true;
    }
    return machine.call(packet.pair(0), dwords) ||
           machine.skipped("INDIRECT_BUFFER nested too deeply");
}

bool cond_exec(Machine& machine, const Packet& packet) {
    const auto condition = machine.job.load32(packet.va32(0));
    if (!condition) return false;
    if (*condition == 0) machine.stream().skip(packet[3] & kExecCountMask);
    return true;
}

bool pred_exec(Machine& machine, const Packet& packet) {
    const uint32_t devices = packet[0] >> 24;  // DEVICE_SELECT; this is device 0
    if ((devices & 1) == 0) machine.stream().skip(packet[0] & kExecCountMask);
    return true;
}

bool set_predication(Machine& machine, const Packet& packet) {
    const uint32_t operation = packet[0] >> 16 & 7;
    const bool run_if_visible = packet[0] >> 8 & 1;
    std::optional<bool> visible;
    switch (operation) {
        case kClear:
            machine.state.predicate_skips = false;
            return true;
        case kZpass:
            visible = any_sample_passed(machine, packet.va64(1));
            break;
        case kBool64:
            visible = not_zero(machine.job.load64(packet.va64(1)));
            break;
        case kBool32:
            visible = not_zero(machine.job.load32(packet.va32(1)));
            break;
        case kPrimcount:
            visible = none_overflowed(machine, packet.va64(1));
            break;
        default:
            machine.state.predicate_skips = false;
            return machine.skipped("SET_PREDICATION by an unknown operation");
    }
    if (!visible) return false;
    // CONTINUE: a further part of the last one. Samples that any of them saw, but an overflow in
    // any of them, decide.
    if (packet[0] >> 31) {
        const bool before = machine.state.predicate_skips != run_if_visible;
        visible = operation == kPrimcount ? *visible && before : *visible || before;
    }
    machine.state.predicate_skips = *visible != run_if_visible;
    return true;
}

bool rewind(Machine& machine, const Packet& packet) {
    constexpr uint32_t kValid = 1u << 31;
    if (packet[0] & kValid) return true;
    // Another engine or the CPU patches the dwords that follow, and sets VALID in this packet last.
    const uint64_t va = machine.stream().va() - packet.size() * sizeof(uint32_t);
    return machine.job.wait("REWIND", [&] {
        const auto value = machine.job.load32(va);
        if (!value) return Probe::kFailed;
        return *value & kValid ? Probe::kSatisfied : Probe::kPending;
    });
}

constexpr PacketInfo kFlowPackets[] = {
    {0x20, "SET_PREDICATION", 3, set_predication},
    {0x22, "COND_EXEC", 4, cond_exec},
    {0x23, "PRED_EXEC", 1, pred_exec},
    {0x33, "INDIRECT_BUFFER_CONST", 3, indirect_buffer},
    {0x3f, "INDIRECT_BUFFER", 3, indirect_buffer},
    {0x59, "REWIND", 1, rewind},
};

}  // namespace

std::span<const PacketInfo> flow_packets() {
    return kFlowPackets;
}

}  // namespace simgpu::pm4
