// SDMA packets that move data. Field positions: Linux vega10_sdma_pkt_open.h; on v4 all counts,
// pitches and sizes are stored minus one.
#include "simgpu/amd/sdma/packet_table.h"

namespace simgpu::sdma {

namespace {

constexpr uint32_t kByteCountMask = 0x3fffff;  // 22 bits

/// One side of a sub-window copy: dwords address, x and y, z and pitch, slice pitch.
struct Window {
    uint64_t base;
    uint64_t x, y, z;
    uint64_t pitch, slice_pitch;  // in elements

    Window(const Packet& packet, size_t first)
        : base(packet.pair(first)),
          x(packet[first + 2] & 0x3fff),
          y(packet[first + 2] >> 16 & 0x3fff),
          z(packet[first + 3] & 0x7ff),
          pitch((packet[first + 3] >> 13) + uint64_t{1}),
          slice_pitch((packet[first + 4] & 0xfffffff) + uint64_t{1}) {}

    uint64_t row(uint64_t row_y, uint64_t row_z, uint32_t element_shift) const {
        const uint64_t element = x + (y + row_y) * pitch + (z + row_z) * slice_pitch;
        return base + (element << element_shift);
    }
};

/// The low `bytes` (1, 2 or 4) of `value`, repeated to fill a dword.
uint32_t repeated(uint32_t value, uint32_t bytes) {
    if (bytes == 1) return (value & 0xff) * 0x01010101u;
    if (bytes == 2) return (value & 0xffff) * 0x00010001u;
    return value;
}

bool copy_linear(Machine& machine, const Packet& packet) {
    const uint64_t bytes = uint64_t{packet[1] & kByteCountMask} + 1;
    return machine.job.copy(packet.pair(5), packet.pair(3), bytes);
}

bool copy_linear_broadcast(Machine& machine, const Packet& packet) {
    const uint64_t bytes = uint64_t{packet[1] & kByteCountMask} + 1;
    return machine.job.copy(packet.pair(5), packet.pair(3), bytes) &&
           machine.job.copy(packet.pair(7), packet.pair(3), bytes);
}

bool copy_linear_sub_window(Machine& machine, const Packet& packet) {
    const uint32_t element_shift = packet[0] >> 29;
    if (element_shift > 4) return machine.skipped("COPY_LINEAR_SUB_WINDOW of huge elements");
    const Window from(packet, 1);
    const Window to(packet, 6);
    const uint64_t row_bytes = (uint64_t{packet[11] & 0x3fff} + 1) << element_shift;
    const uint32_t rows = (packet[11] >> 16 & 0x3fff) + 1;
    const uint32_t slices = (packet[12] & 0x7ff) + 1;
    for (uint32_t z = 0; z < slices; z++) {
        for (uint32_t y = 0; y < rows; y++) {
            if (!machine.job.poll() || !machine.job.copy(to.row(y, z, element_shift),
                                                         from.row(y, z, element_shift), row_bytes))
                return false;
        }
    }
    return true;
}

bool write_linear(Machine& machine, const Packet& packet) {
    const auto data = packet.dwords.subspan(4);
    const uint64_t va = packet.va32(1);
    if (data.size() == 1) return machine.job.store32(va, data[0]);
    return machine.job.write(va, data.data(), data.size_bytes());
}

bool constant_fill(Machine& machine, const Packet& packet) {
    const uint32_t fill_size = packet[0] >> 30;  // bytes, words or dwords of data
    const uint64_t bytes = uint64_t{packet[4] & kByteCountMask} + 1;
    return machine.job.fill(packet.pair(1), repeated(packet[3], 1u << fill_size), bytes);
}

constexpr PacketInfo kTransferPackets[] = {
    {kSubOpcode | kBroadcast, op(1, 0) | kBroadcast, "COPY_LINEAR_BROADCAST", 9, Tail::kNone,
     copy_linear_broadcast},
    {kSubOpcode, op(1, 0), "COPY_LINEAR", 7, Tail::kNone, copy_linear},
    {kSubOpcode, op(1, 4), "COPY_LINEAR_SUB_WINDOW", 13, Tail::kNone, copy_linear_sub_window},
    {kSubOpcode, op(2, 0), "WRITE_LINEAR", 4, Tail::kWriteCount, write_linear},
    {kSubOpcode, op(11, 0), "CONSTANT_FILL", 5, Tail::kNone, constant_fill},
};

}  // namespace

std::span<const PacketInfo> transfer_packets() {
    return kTransferPackets;
}

}  // namespace simgpu::sdma
