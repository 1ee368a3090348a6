// Compute dispatches.
#include <algorithm>

#include "simgpu/amd/pm4/packet_table.h"
#include "simgpu/amd/pm4/trace.h"
#include "simgpu/trace.h"

namespace simgpu::pm4 {

namespace {

// COMPUTE_DISPATCH_INITIATOR (GFX9 register headers).
constexpr uint32_t kComputeShaderEnable = 1u << 0;
constexpr uint32_t kPartialGroups = 1u << 1;
constexpr uint32_t kForceStartAtZero = 1u << 2;
constexpr uint32_t kUseThreadDimensions = 1u << 5;
constexpr uint32_t kFullThreadsMask = 0xffff;

constexpr uint32_t kDispatchInitiator = 0xb800 / 4;
constexpr uint32_t kDispatchDimX = 0xb804 / 4;

/// Threads that run along one axis of the grid.
uint64_t threads_along(const gfx9::Dispatch& dispatch, int axis) {
    const uint32_t end = dispatch.groups[axis];
    if (dispatch.initiator & kUseThreadDimensions) return end;
    const uint32_t first = dispatch.initiator & kForceStartAtZero ? 0 : dispatch.start[axis];
    if (first >= end) return 0;
    const uint32_t full = std::max(dispatch.threads[axis] & kFullThreadsMask, 1u);
    const uint32_t partial = dispatch.threads[axis] >> 16;
    const uint32_t last = dispatch.initiator & kPartialGroups && partial ? partial : full;
    return uint64_t{end - first - 1} * full + last;
}

bool launch(Machine& machine, const uint32_t (&groups)[3], uint32_t initiator) {
    Registers& registers = machine.state.registers;
    for (uint32_t i = 0; i < 3; i++) registers.write(kDispatchDimX + i, groups[i]);
    registers.write(kDispatchInitiator, initiator);
    if (!(initiator & kComputeShaderEnable))
        return machine.skipped("DISPATCH without COMPUTE_SHADER_EN");

    gfx9::Dispatch dispatch = registers.compute_state();
    dispatch.initiator = initiator;
    dispatch.addresses = machine.address_config();
    std::copy(std::begin(groups), std::end(groups), std::begin(dispatch.groups));
    if (std::find(std::begin(groups), std::end(groups), 0u) != std::end(groups)) return true;
    if (tracing()) trace_dispatch(machine, dispatch);
    JobOutcome outcome = machine.dispatch(dispatch, machine.job.environment(), machine.counters);
    if (!outcome.done()) {
        outcome.in_shader = true;
        return machine.job.end(std::move(outcome));
    }
    // A guest can make this wrap: it is only a statistic.
    machine.state.compute_invocations +=
        threads_along(dispatch, 0) * threads_along(dispatch, 1) * threads_along(dispatch, 2);
    return true;
}

bool dispatch_direct(Machine& machine, const Packet& packet) {
    return launch(machine, {packet[0], packet[1], packet[2]}, packet[3]);
}

bool dispatch_indirect(Machine& machine, const Packet& packet) {
    // The compute rings' form names an address; the graphics ring's an offset from SET_BASE.
    const bool has_address = packet.size() >= 3;
    const uint64_t va = has_address
                            ? packet.va32(0)
                            : machine.state.indirect_base[packet.for_compute()] + (packet[0] & ~3u);
    uint32_t groups[3];
    for (uint32_t i = 0; i < 3; i++) {
        const auto value = machine.job.load32(va + uint64_t{i} * 4);
        if (!value) return false;
        groups[i] = *value;
    }
    return launch(machine, groups, packet[has_address ? 2 : 1]);
}

constexpr PacketInfo kDispatchPackets[] = {
    {0x15, "DISPATCH_DIRECT", 4, dispatch_direct},
    {0x16, "DISPATCH_INDIRECT", 2, dispatch_indirect},
};

}  // namespace

std::span<const PacketInfo> dispatch_packets() {
    return kDispatchPackets;
}

}  // namespace simgpu::pm4
