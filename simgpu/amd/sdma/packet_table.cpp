#include "simgpu/amd/sdma/packet_table.h"

#include <algorithm>
#include <vector>

namespace simgpu::sdma {

namespace {

// Known by name and length only.
constexpr PacketInfo kNotSimulated[] = {
    {kSubOpcode | kBroadcast, op(1, 1) | kBroadcast, "COPY_L2T_BROADCAST", 16, Tail::kNone,
     nullptr},
    {kSubOpcode, op(1, 1), "COPY_TILED", 13, Tail::kNone, nullptr},
    {kSubOpcode, op(1, 3), "COPY_STRUCT", 8, Tail::kNone, nullptr},
    {kSubOpcode, op(1, 5), "COPY_TILED_SUB_WINDOW", 14, Tail::kNone, nullptr},
    {kSubOpcode, op(1, 6), "COPY_T2T_SUB_WINDOW", 15, Tail::kNone, nullptr},
    {kSubOpcode, op(1, 7), "COPY_DIRTY_PAGE", 7, Tail::kNone, nullptr},
    {kSubOpcode, op(1, 8), "COPY_PHYSICAL_LINEAR", 7, Tail::kNone, nullptr},
    {kSubOpcode, op(2, 1), "WRITE_TILED", 9, Tail::kWriteCount, nullptr},
    {kOpcode, op(7), "SEMAPHORE", 3, Tail::kNone, nullptr},
    {kSubOpcode, op(8, 0), "POLL_REG", 6, Tail::kNone, nullptr},
    {kSubOpcode, op(8, 1), "POLL_REG_WRITE_MEM", 4, Tail::kNone, nullptr},
    {kSubOpcode, op(8, 2), "POLL_DBIT_WRITE_MEM", 5, Tail::kNone, nullptr},
    {kSubOpcode, op(8, 3), "POLL_MEM_VERIFY", 13, Tail::kNone, nullptr},
    {kSubOpcode, op(11, 1), "DATA_FILL_MULTI", 6, Tail::kNone, nullptr},
    {kSubOpcode, op(12, 0), "PTEPDE_GEN", 10, Tail::kNone, nullptr},
    {kSubOpcode, op(12, 1), "PTEPDE_COPY", 8, Tail::kNone, nullptr},
    {kSubOpcode, op(12, 2), "PTEPDE_RMW", 7, Tail::kNone, nullptr},
    {kSubOpcode, op(12, 3), "PTEPDE_COPY_BACKWARDS", 7, Tail::kNone, nullptr},
    {kSubOpcode, op(13, 0), "TIMESTAMP_SET", 3, Tail::kNone, nullptr},
    {kOpcode, op(14), "SRBM_WRITE", 3, Tail::kNone, nullptr},
};

std::vector<PacketInfo> make_table() {
    std::vector<PacketInfo> table;
    // POLL_MEM, of control.cpp, goes before POLL_REG, whose mask it matches too.
    for (const std::span<const PacketInfo> rows :
         {transfer_packets(), control_packets(), std::span<const PacketInfo>(kNotSimulated)})
        table.insert(table.end(), rows.begin(), rows.end());
    return table;
}

}  // namespace

std::span<const PacketInfo> packet_table() {
    static const std::vector<PacketInfo> table = make_table();
    return table;
}

const PacketInfo* find_packet(uint32_t header) {
    const std::span<const PacketInfo> table = packet_table();
    const auto row = std::ranges::find_if(
        table, [&](const PacketInfo& info) { return (header & info.mask) == info.value; });
    return row == table.end() ? nullptr : &*row;
}

}  // namespace simgpu::sdma
