// The table of PM4 type 3 packets.
#pragma once

#include <cstdint>
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
    /// Null: work that this GPU does not do (drawing, mostly).
    Handler handler;
};

/// The row of `opcode`, or null.
const PacketInfo* find_packet(uint8_t opcode);
/// "WRITE_DATA"; "PKT3_0xNN" for an opcode without a row.
std::string packet_name(uint8_t opcode);

}  // namespace simgpu::pm4
