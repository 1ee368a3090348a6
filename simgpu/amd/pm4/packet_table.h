// The table of PM4 type 3 packets, indexed by opcode.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "simgpu/amd/pm4/machine.h"

namespace simgpu::pm4 {

/// Runs one packet. False: the job has ended.
using Handler = bool (*)(Machine&, const Packet&);

struct PacketInfo {
    uint8_t opcode;
    const char* name;
    /// Dwords of the body that the handler reads unasked; a shorter packet is passed over.
    uint32_t minimum;
    /// Null: work that this GPU does not do.
    Handler handler;
};

// Rows, by the file that has them. Opcodes and body layouts: Linux soc15d.h, Mesa's sid.h and
// pkt3.json (GFX9 columns).
std::span<const PacketInfo> data_packets();      // moving data
std::span<const PacketInfo> event_packets();     // fences, events, waits
std::span<const PacketInfo> flow_packets();      // which packets run
std::span<const PacketInfo> state_packets();     // registers
std::span<const PacketInfo> dispatch_packets();  // compute
std::span<const PacketInfo> draw_packets();      // graphics
std::span<const PacketInfo> stream_packets();    // transform feedback

inline constexpr size_t kOpcodes = 256;
/// Rows by opcode; null where the opcode is not known.
using PacketTable = std::array<const PacketInfo*, kOpcodes>;

const PacketTable& packet_table();
/// Of packets that set registers from their body on, the window that they set; its first dword is
/// an offset into that.
std::optional<RegisterWindow> register_window(uint8_t opcode);
/// "WRITE_DATA"; "PKT3_0xNN" for an opcode without a row.
std::string packet_name(uint8_t opcode);

}  // namespace simgpu::pm4
