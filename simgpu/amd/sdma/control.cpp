// SDMA packets that steer, wait and signal. Field positions: Linux vega10_sdma_pkt_open.h.
#include "simgpu/amd/compare.h"
#include "simgpu/amd/sdma/packet_table.h"
#include "simgpu/amd/tc_atomic.h"
#include "simgpu/clock.h"

namespace simgpu::sdma {

namespace {

constexpr uint32_t kExecCountMask = 0x3fff;
constexpr uint32_t kMemPoll = 1u << 31;

bool nothing(Machine&, const Packet&) {
    return true;
}

bool indirect(Machine& machine, const Packet& packet) {
    return machine.call(packet.pair(1), packet[3] & 0xfffff) ||
           machine.skipped("INDIRECT nested too deeply");
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

constexpr PacketInfo kControlPackets[] = {
    {kOpcode, op(0), "NOP", 1, Tail::kNopCount, nothing},
    {kOpcode, op(4), "INDIRECT", 6, Tail::kNone, indirect},
    {kOpcode, op(5), "FENCE", 4, Tail::kNone, fence},
    {kOpcode, op(6), "TRAP", 2, Tail::kNone, nothing},
    {kSubOpcode | kMemPoll, op(8, 0) | kMemPoll, "POLL_MEM", 6, Tail::kNone, poll_memory},
    {kOpcode, op(9), "COND_EXE", 5, Tail::kNone, cond_exe},
    {kOpcode, op(10), "ATOMIC", 8, Tail::kNone, atomic},
    {kSubOpcode, op(13, 1), "TIMESTAMP_GET", 3, Tail::kNone, timestamp},
    {kSubOpcode, op(13, 2), "TIMESTAMP_GET_GLOBAL", 3, Tail::kNone, timestamp},
    {kOpcode, op(15), "PRE_EXE", 2, Tail::kNone, pre_exe},
    {kOpcode, op(16), "DUMMY_TRAP", 2, Tail::kNone, nothing},
};

}  // namespace

std::span<const PacketInfo> control_packets() {
    return kControlPackets;
}

}  // namespace simgpu::sdma
