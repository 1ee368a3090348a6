#include "simgpu/amd/pm4/packet_table.h"

#include <fmt/format.h>

namespace simgpu::pm4 {

namespace {

bool nothing(Machine&, const Packet&) {
    return true;
}

// Complete without doing anything here: caches are coherent, the prefetcher never runs ahead, and
// there is no constant engine.
constexpr PacketInfo kNothing[] = {
    {0x10, "NOP", 0, nothing},
    {0x28, "CONTEXT_CONTROL", 0, nothing},
    {0x36, "DRAW_PREAMBLE", 0, nothing},
    {0x42, "PFP_SYNC_ME", 0, nothing},
    {0x43, "SURFACE_SYNC", 0, nothing},
    {0x4a, "PREAMBLE_CNTL", 0, nothing},
    {0x58, "ACQUIRE_MEM", 0, nothing},
    {0x5d, "PRIME_UTCL2", 0, nothing},
    {0x84, "INCREMENT_CE_COUNTER", 0, nothing},
    {0x85, "INCREMENT_DE_COUNTER", 0, nothing},
    {0x86, "WAIT_ON_CE_COUNTER", 0, nothing},
    {0x88, "WAIT_ON_DE_COUNTER_DIFF", 0, nothing},
    {0x8b, "SWITCH_BUFFER", 0, nothing},
    {0x90, "FRAME_CONTROL", 0, nothing},
    {0x95, "HDP_FLUSH", 0, nothing},
    {0x98, "INVALIDATE_TLBS", 0, nothing},
};

// Known by name only.
constexpr PacketInfo kNotSimulated[] = {
    {0x1d, "ATOMIC_GDS", 0, nullptr},
    {0x1f, "OCCLUSION_QUERY", 0, nullptr},
    {0x30, "DRAW_INDEX_MULTI_AUTO", 0, nullptr},
    {0x39, "MEM_SEMAPHORE", 0, nullptr},
    {0x63, "LOAD_SH_REG_INDEX", 0, nullptr},
    {0x73, "SET_CONTEXT_REG_INDIRECT", 0, nullptr},
    {0x77, "SET_SH_REG_OFFSET", 0, nullptr},
    {0x78, "SET_QUEUE_REG", 0, nullptr},
    {0x7d, "SCRATCH_RAM_WRITE", 0, nullptr},
    {0x7e, "SCRATCH_RAM_READ", 0, nullptr},
    {0x80, "LOAD_CONST_RAM", 0, nullptr},
    {0x81, "WRITE_CONST_RAM", 0, nullptr},
    {0x83, "DUMP_CONST_RAM", 0, nullptr},
};

PacketTable make_table() {
    PacketTable table{};
    for (const std::span<const PacketInfo> rows :
         {std::span<const PacketInfo>(kNothing), std::span<const PacketInfo>(kNotSimulated),
          data_packets(), event_packets(), flow_packets(), state_packets(), dispatch_packets(),
          draw_packets(), stream_packets()})
        for (const PacketInfo& row : rows) table[row.opcode] = &row;
    return table;
}

}  // namespace

const PacketTable& packet_table() {
    static const PacketTable table = make_table();
    return table;
}

std::string packet_name(uint8_t opcode) {
    const PacketInfo* info = packet_table()[opcode];
    return info ? info->name : fmt::format("PKT3_{:#04x}", opcode);
}

}  // namespace simgpu::pm4
