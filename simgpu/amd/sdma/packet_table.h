// The table of SDMA v4 packets.
#pragma once

#include <cstdint>
#include <span>

#include "simgpu/engine/packet_engine.h"

namespace simgpu::sdma {

/// One whole packet, header included: indices are the header file's offsets.
using Packet = PacketDwords;
/// Nothing survives a job.
using Machine = PacketRun;

/// Runs one packet. False: the job has ended.
using Handler = bool (*)(Machine&, const Packet&);

/// Variable part behind a packet's fixed one.
enum class Tail {
    kNone,
    kNopCount,    // as many dwords as bits 16..29 of the header say
    kWriteCount,  // as many dwords as bits 0..19 of the last fixed dword say, plus one
};

struct PacketInfo {
    uint32_t mask;   // header bits that tell this packet from others...
    uint32_t value;  // ... and their value
    const char* name;
    uint32_t dwords;  // the fixed part, header included
    Tail tail;
    Handler handler;  // null: work that this engine does not do
};

// Opcodes, sub-opcodes and lengths: Linux vega10_sdma_pkt_open.h.
inline constexpr uint32_t kOpcode = 0x000000ff;
inline constexpr uint32_t kSubOpcode = 0x0000ffff;
inline constexpr uint32_t kBroadcast = 1u << 27;
constexpr uint32_t op(uint32_t opcode, uint32_t sub_opcode = 0) {
    return opcode | sub_opcode << 8;
}

// Rows, by the file that has them.
std::span<const PacketInfo> transfer_packets();  // moving data
std::span<const PacketInfo> control_packets();   // steering, waiting, signalling

/// All packets. The first row that matches a header counts. SDMA packets carry no length: a header
/// that no row matches ends the job.
std::span<const PacketInfo> packet_table();
/// The row that matches `header`, or null.
const PacketInfo* find_packet(uint32_t header);

}  // namespace simgpu::sdma
