// Transform feedback: how far its buffers are filled. The draws themselves fill them.
#include "simgpu/amd/pm4/packet_table.h"

namespace simgpu::pm4 {

namespace {

/// Control, where the size is stored, where it is loaded from or what it is. In memory the size is
/// in bytes or in dwords; in the packet it is in dwords.
bool strmout_buffer_update(Machine& machine, const Packet& packet) {
    enum Source : uint32_t { kFromPacket, kFromFilledSize, kFromMemory, kNone };
    const uint32_t control = packet[0];
    const bool stores = control & 1, in_bytes = control >> 7 & 1;
    const uint32_t unit = in_bytes ? 4 : 1;
    uint32_t& filled = machine.state.streamout.filled[control >> 8 & 3];
    if (stores && !machine.job.store32(packet.va32(1), filled * unit)) return false;
    switch (control >> 1 & 3) {
        case kFromPacket:
            filled = packet[3];
            break;
        case kFromMemory: {
            const auto value = machine.job.load32(packet.va32(3));
            if (!value) return false;
            filled = *value / unit;
            break;
        }
        case kFromFilledSize:  // what it is already
        case kNone:
            break;
    }
    return true;
}

constexpr PacketInfo kStreamPackets[] = {
    {0x34, "STRMOUT_BUFFER_UPDATE", 5, strmout_buffer_update},
};

}  // namespace

std::span<const PacketInfo> stream_packets() {
    return kStreamPackets;
}

}  // namespace simgpu::pm4
