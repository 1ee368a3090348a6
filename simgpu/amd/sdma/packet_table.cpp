#include "simgpu/amd/sdma/packet_table.h"

#include <algorithm>

#include "simgpu/amd/sdma/handlers.h"

namespace simgpu::sdma {

namespace {

// Opcodes, sub-opcodes and lengths: Linux vega10_sdma_pkt_open.h.
constexpr uint32_t kOp = 0x000000ff;
constexpr uint32_t kSub = 0x0000ffff;
constexpr uint32_t kBroadcast = 1u << 27;
constexpr uint32_t kMemPoll = 1u << 31;

constexpr uint32_t op(uint32_t opcode, uint32_t sub_opcode = 0) {
    return opcode | sub_opcode << 8;
}

// The first row that matches counts.
constexpr PacketInfo kPackets[] = {
    {kOp, op(0), "NOP", 1, Tail::kNopCount, nothing},
    {kSub | kBroadcast, op(1, 0) | kBroadcast, "COPY_LINEAR_BROADCAST", 9, Tail::kNone,
     copy_linear_broadcast},
    {kSub, op(1, 0), "COPY_LINEAR", 7, Tail::kNone, copy_linear},
    {kSub | kBroadcast, op(1, 1) | kBroadcast, "COPY_L2T_BROADCAST", 16, Tail::kNone, nullptr},
    {kSub, op(1, 1), "COPY_TILED", 13, Tail::kNone, nullptr},
    {kSub, op(1, 3), "COPY_STRUCT", 8, Tail::kNone, nullptr},
    {kSub, op(1, 4), "COPY_LINEAR_SUB_WINDOW", 13, Tail::kNone, copy_linear_sub_window},
    {kSub, op(1, 5), "COPY_TILED_SUB_WINDOW", 14, Tail::kNone, nullptr},
    {kSub, op(1, 6), "COPY_T2T_SUB_WINDOW", 15, Tail::kNone, nullptr},
    {kSub, op(1, 7), "COPY_DIRTY_PAGE", 7, Tail::kNone, nullptr},
    {kSub, op(1, 8), "COPY_PHYSICAL_LINEAR", 7, Tail::kNone, nullptr},
    {kSub, op(2, 0), "WRITE_LINEAR", 4, Tail::kWriteCount, write_linear},
    {kSub, op(2, 1), "WRITE_TILED", 9, Tail::kWriteCount, nullptr},
    {kOp, op(4), "INDIRECT", 6, Tail::kNone, indirect},
    {kOp, op(5), "FENCE", 4, Tail::kNone, fence},
    {kOp, op(6), "TRAP", 2, Tail::kNone, nothing},
    {kOp, op(7), "SEMAPHORE", 3, Tail::kNone, nullptr},
    {kSub | kMemPoll, op(8, 0) | kMemPoll, "POLL_MEM", 6, Tail::kNone, poll_memory},
    {kSub, op(8, 0), "POLL_REG", 6, Tail::kNone, nullptr},
    {kSub, op(8, 1), "POLL_REG_WRITE_MEM", 4, Tail::kNone, nullptr},
    {kSub, op(8, 2), "POLL_DBIT_WRITE_MEM", 5, Tail::kNone, nullptr},
    {kSub, op(8, 3), "POLL_MEM_VERIFY", 13, Tail::kNone, nullptr},
    {kOp, op(9), "COND_EXE", 5, Tail::kNone, cond_exe},
    {kOp, op(10), "ATOMIC", 8, Tail::kNone, atomic},
    {kSub, op(11, 0), "CONSTANT_FILL", 5, Tail::kNone, constant_fill},
    {kSub, op(11, 1), "DATA_FILL_MULTI", 6, Tail::kNone, nullptr},
    {kSub, op(12, 0), "PTEPDE_GEN", 10, Tail::kNone, nullptr},
    {kSub, op(12, 1), "PTEPDE_COPY", 8, Tail::kNone, nullptr},
    {kSub, op(12, 2), "PTEPDE_RMW", 7, Tail::kNone, nullptr},
    {kSub, op(12, 3), "PTEPDE_COPY_BACKWARDS", 7, Tail::kNone, nullptr},
    {kSub, op(13, 0), "TIMESTAMP_SET", 3, Tail::kNone, nullptr},
    {kSub, op(13, 1), "TIMESTAMP_GET", 3, Tail::kNone, timestamp},
    {kSub, op(13, 2), "TIMESTAMP_GET_GLOBAL", 3, Tail::kNone, timestamp},
    {kOp, op(14), "SRBM_WRITE", 3, Tail::kNone, nullptr},
    {kOp, op(15), "PRE_EXE", 2, Tail::kNone, pre_exe},
    {kOp, op(16), "DUMMY_TRAP", 2, Tail::kNone, nothing},
};

}  // namespace

std::span<const PacketInfo> packet_table() {
    return kPackets;
}

const PacketInfo* find_packet(uint32_t header) {
    const auto row = std::find_if(std::begin(kPackets), std::end(kPackets), [&](const auto& info) {
        return (header & info.mask) == info.value;
    });
    return row == std::end(kPackets) ? nullptr : row;
}

}  // namespace simgpu::sdma
