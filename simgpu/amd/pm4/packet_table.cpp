#include "simgpu/amd/pm4/packet_table.h"

#include <fmt/format.h>

#include <array>

#include "simgpu/amd/pm4/handlers.h"

namespace simgpu::pm4 {

namespace {

// Opcodes and body layouts: Linux soc15d.h, Mesa's sid.h and pkt3.json (GFX9 columns).
// `nothing` is for packets that are complete without doing anything here: caches are coherent,
// the prefetcher never runs ahead, there is no constant engine and no 3D state to act on.
constexpr PacketInfo kPackets[] = {
    {0x10, "NOP", 0, nothing},
    {0x11, "SET_BASE", 3, set_base},
    {0x12, "CLEAR_STATE", 0, clear_state},
    {0x13, "INDEX_BUFFER_SIZE", 0, nothing},
    {0x15, "DISPATCH_DIRECT", 4, dispatch_direct},
    {0x16, "DISPATCH_INDIRECT", 2, dispatch_indirect},
    {0x1d, "ATOMIC_GDS", 0, nullptr},
    {0x1e, "ATOMIC_MEM", 7, atomic_mem},
    {0x1f, "OCCLUSION_QUERY", 0, nullptr},
    {0x20, "SET_PREDICATION", 3, set_predication},
    {0x21, "REG_RMW", 3, reg_rmw},
    {0x22, "COND_EXEC", 4, cond_exec},
    {0x23, "PRED_EXEC", 1, pred_exec},
    {0x24, "DRAW_INDIRECT", 0, nullptr},
    {0x25, "DRAW_INDEX_INDIRECT", 0, nullptr},
    {0x26, "INDEX_BASE", 0, nothing},
    {0x27, "DRAW_INDEX_2", 0, nullptr},
    {0x28, "CONTEXT_CONTROL", 0, nothing},
    {0x2a, "INDEX_TYPE", 0, nothing},
    {0x2c, "DRAW_INDIRECT_MULTI", 0, nullptr},
    {0x2d, "DRAW_INDEX_AUTO", 0, nullptr},
    {0x2f, "NUM_INSTANCES", 0, nothing},
    {0x30, "DRAW_INDEX_MULTI_AUTO", 0, nullptr},
    {0x33, "INDIRECT_BUFFER_CONST", 3, indirect_buffer},
    {0x34, "STRMOUT_BUFFER_UPDATE", 0, nullptr},
    {0x35, "DRAW_INDEX_OFFSET_2", 0, nullptr},
    {0x36, "DRAW_PREAMBLE", 0, nothing},
    {0x37, "WRITE_DATA", 3, write_data},
    {0x38, "DRAW_INDEX_INDIRECT_MULTI", 0, nullptr},
    {0x39, "MEM_SEMAPHORE", 0, nullptr},
    {0x3c, "WAIT_REG_MEM", 5, wait_reg_mem},
    {0x3f, "INDIRECT_BUFFER", 3, indirect_buffer},
    {0x40, "COPY_DATA", 5, copy_data},
    {0x41, "CP_DMA", 5, cp_dma},
    {0x42, "PFP_SYNC_ME", 0, nothing},
    {0x43, "SURFACE_SYNC", 0, nothing},
    {0x45, "COND_WRITE", 8, cond_write},
    {0x46, "EVENT_WRITE", 1, event_write},
    {0x47, "EVENT_WRITE_EOP", 5, event_write_eop},
    {0x48, "EVENT_WRITE_EOS", 4, event_write_eos},
    {0x49, "RELEASE_MEM", 6, release_mem},
    {0x4a, "PREAMBLE_CNTL", 0, nothing},
    {0x50, "DMA_DATA", 6, dma_data},
    {0x51, "CONTEXT_REG_RMW", 3, context_reg_rmw},
    {0x58, "ACQUIRE_MEM", 0, nothing},
    {0x59, "REWIND", 1, rewind},
    {0x5d, "PRIME_UTCL2", 0, nothing},
    {0x5e, "LOAD_UCONFIG_REG", 2, load_uconfig_reg},
    {0x5f, "LOAD_SH_REG", 2, load_sh_reg},
    {0x60, "LOAD_CONFIG_REG", 2, load_config_reg},
    {0x61, "LOAD_CONTEXT_REG", 2, load_context_reg},
    {0x63, "LOAD_SH_REG_INDEX", 0, nullptr},
    {0x68, "SET_CONFIG_REG", 1, set_config_reg},
    {0x69, "SET_CONTEXT_REG", 1, set_context_reg},
    {0x6a, "SET_CONTEXT_REG_INDEX", 1, set_context_reg},
    {0x73, "SET_CONTEXT_REG_INDIRECT", 0, nullptr},
    {0x76, "SET_SH_REG", 1, set_sh_reg},
    {0x77, "SET_SH_REG_OFFSET", 0, nullptr},
    {0x78, "SET_QUEUE_REG", 0, nullptr},
    {0x79, "SET_UCONFIG_REG", 1, set_uconfig_reg},
    {0x7a, "SET_UCONFIG_REG_INDEX", 1, set_uconfig_reg},
    {0x7d, "SCRATCH_RAM_WRITE", 0, nullptr},
    {0x7e, "SCRATCH_RAM_READ", 0, nullptr},
    {0x80, "LOAD_CONST_RAM", 0, nullptr},
    {0x81, "WRITE_CONST_RAM", 0, nullptr},
    {0x83, "DUMP_CONST_RAM", 0, nullptr},
    {0x84, "INCREMENT_CE_COUNTER", 0, nothing},
    {0x85, "INCREMENT_DE_COUNTER", 0, nothing},
    {0x86, "WAIT_ON_CE_COUNTER", 0, nothing},
    {0x88, "WAIT_ON_DE_COUNTER_DIFF", 0, nothing},
    {0x8b, "SWITCH_BUFFER", 0, nothing},
    {0x90, "FRAME_CONTROL", 0, nothing},
    {0x93, "WAIT_REG_MEM64", 7, wait_reg_mem64},
    {0x95, "HDP_FLUSH", 0, nothing},
    {0x98, "INVALIDATE_TLBS", 0, nothing},
    {0x9b, "SET_SH_REG_INDEX", 1, set_sh_reg},
    {0x9f, "LOAD_CONTEXT_REG_INDEX", 0, nullptr},
};

constexpr auto index_by_opcode() {
    std::array<const PacketInfo*, 256> rows{};
    for (const PacketInfo& row : kPackets) rows[row.opcode] = &row;
    return rows;
}
constexpr auto kByOpcode = index_by_opcode();

}  // namespace

const PacketInfo* find_packet(uint8_t opcode) {
    return kByOpcode[opcode];
}

std::string packet_name(uint8_t opcode) {
    const PacketInfo* info = find_packet(opcode);
    return info ? info->name : fmt::format("PKT3_{:#04x}", opcode);
}

}  // namespace simgpu::pm4
