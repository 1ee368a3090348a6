// SDMA packets that steer, wait and signal. Field positions: Linux vega10_sdma_pkt_open.h.
#include "simgpu/amd/sdma/handlers.h"
#include "simgpu/amd/tc_atomic.h"
#include "simgpu/clock.h"
#include "simgpu/engine/compare.h"

namespace simgpu::sdma {

namespace {
// The hardware runs IBs from its ring only; a little nesting costs nothing.
constexpr size_t kDeepestNesting = 4;
constexpr uint32_t kExecCountMask = 0x3fff;
}  // namespace

bool indirect(Machine& machine, const Packet& packet) {
    if (machine.streams.size() >= kDeepestNesting)
        return machine.skipped("INDIRECT nested too deeply");
    machine.streams.emplace_back(packet.pair(1), packet[3] & 0xfffff);
    return true;
}

bool fence(Machine& machine, const Packet& packet) {
    return machine.job.store32(packet.va32(1), packet[3]);
}

bool poll_memory(Machine& machine, const Packet& packet) {
    // The retry count is ignored: the job's deadline is what ends a hopeless wait.
    const uint32_t function = packet[0] >> 28 & 7;
    return machine.job.wait("POLL_REGMEM", [&] {
        const auto value = machine.job.load32(packet.va32(1));
        if (!value) return Probe::kFailed;
        return compare(function, *value & packet[4], packet[3]) ? Probe::kSatisfied
                                                                : Probe::kPending;
    });
}

bool cond_exe(Machine& machine, const Packet& packet) {
    const auto value = machine.job.load32(packet.va32(1));
    if (!value) return false;
    if (*value != packet[3]) machine.stream().skip(packet[4] & kExecCountMask);
    return true;
}

bool pre_exe(Machine& machine, const Packet& packet) {
    const uint32_t devices = packet[0] >> 16 & 0xff;  // this is device 0
    if ((devices & 1) == 0) machine.stream().skip(packet[1] & kExecCountMask);
    return true;
}

bool atomic(Machine& machine, const Packet& packet) {
    const uint32_t operation = packet[0] >> 25;
    if (!tc_atomic_known(operation)) return machine.skipped("ATOMIC with unknown operation");
    const bool loops = packet[0] >> 16 & 1;
    return run_tc_atomic(machine.job, {.operation = operation,
                                       .va = packet.pair(1),
                                       .source = packet.pair(3),
                                       .compare = packet.pair(5),
                                       .until_equal = loops})
        .has_value();
}

bool timestamp(Machine& machine, const Packet& packet) {
    return machine.job.store64(packet.va64(1), gpu_clock());
}

}  // namespace simgpu::sdma
