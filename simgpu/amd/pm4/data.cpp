// Packets that move data between memory, registers and GDS.
#include "simgpu/amd/pm4/packet_table.h"
#include "simgpu/amd/tc_atomic.h"
#include "simgpu/clock.h"

namespace simgpu::pm4 {

namespace {

constexpr uint32_t kGdsMask = 0xffff;
constexpr uint32_t kDwordsPerPoll = 4096;

enum class Place { kMemory, kRegister, kGds, kData, kNowhere };

/// One end of a transfer that is not plain memory to memory, a dword at a time.
struct End {
    Place place = Place::kNowhere;
    uint64_t address = 0;  // bytes for memory and GDS, dwords for registers, the value for kData
    bool fixed = false;    // every dword at the same register
};

std::optional<uint32_t> read_dword(Machine& machine, const End& end, uint32_t index) {
    const uint32_t step = end.fixed ? 0 : index;
    switch (end.place) {
        case Place::kMemory:
            return machine.job.load32(end.address + uint64_t{step} * 4);
        case Place::kRegister:
            return machine.state.registers.read(static_cast<uint32_t>(end.address) + step);
        case Place::kGds:
            return machine.state.gds.read(static_cast<uint32_t>(end.address) + step * 4);
        case Place::kData:
            return static_cast<uint32_t>(end.address);
        case Place::kNowhere:
            break;
    }
    return 0;
}

bool write_dword(Machine& machine, const End& end, uint32_t index, uint32_t value) {
    const uint32_t step = end.fixed ? 0 : index;
    switch (end.place) {
        case Place::kMemory:
            return machine.job.store32(end.address + uint64_t{step} * 4, value);
        case Place::kRegister:
            machine.state.registers.write(static_cast<uint32_t>(end.address) + step, value);
            return true;
        case Place::kGds:
            machine.state.gds.write(static_cast<uint32_t>(end.address) + step * 4, value);
            return true;
        case Place::kData:
        case Place::kNowhere:
            break;
    }
    return true;
}

bool transfer(Machine& machine, const End& to, const End& from, uint32_t bytes) {
    // Prefetch into L2 (DST_SEL 2): the caches are not simulated.
    if (to.place == Place::kNowhere || from.place == Place::kNowhere) return true;
    if (to.place == Place::kMemory && from.place == Place::kMemory)
        return machine.job.copy(to.address, from.address, bytes);
    if (to.place == Place::kMemory && from.place == Place::kData)
        return machine.job.fill(to.address, static_cast<uint32_t>(from.address), bytes);
    for (uint32_t i = 0; i < bytes / 4; i++) {
        const auto value = read_dword(machine, from, i);
        if (!value || !write_dword(machine, to, i, *value)) return false;
        if (i % kDwordsPerPoll == 0 && !machine.job.poll()) return false;
    }
    return true;
}

// DMA_DATA and CP_DMA share these (soc15d.h): COMMAND bits, and SRC_SEL / DST_SEL in a dword that
// each packet has elsewhere.
constexpr uint32_t kByteCountMask = 0x3ffffff;  // GFX9: 26 bits
constexpr uint32_t kSourceIsRegister = 1u << 26;
constexpr uint32_t kTargetIsRegister = 1u << 27;
constexpr uint32_t kSourceFixed = 1u << 28;
constexpr uint32_t kTargetFixed = 1u << 29;

End at_address(uint64_t address, bool is_register, bool fixed) {
    if (!is_register) return {Place::kMemory, address, false};
    return {Place::kRegister, address & kRegisterMask, fixed};
}

End dma_source(uint32_t select, uint64_t address, uint32_t command) {
    switch (select >> 29 & 3) {
        case 0:
            return at_address(address, command & kSourceIsRegister, command & kSourceFixed);
        case 1:
            return {Place::kGds, address & kGdsMask, false};
        case 2:
            return {Place::kData, address & UINT32_MAX, false};
        default:
            return {Place::kMemory, address, false};
    }
}

End dma_target(uint32_t select, uint64_t address, uint32_t command) {
    switch (select >> 20 & 3) {
        case 0:
            return at_address(address, command & kTargetIsRegister, command & kTargetFixed);
        case 1:
            return {Place::kGds, address & kGdsMask, false};
        case 2:
            return {Place::kNowhere, 0, false};
        default:
            return {Place::kMemory, address, false};
    }
}

bool write_data(Machine& machine, const Packet& packet) {
    const uint32_t control = packet[0];
    const auto data = packet.dwords.subspan(3);
    const bool one_address = control >> 16 & 1;  // WR_ONE_ADDR
    End to;
    switch (control >> 8 & 0xf) {  // DST_SEL
        case 0:                    // register
        case 6:                    // register, persistent state
            to = {Place::kRegister, packet[1] & kRegisterMask, one_address};
            break;
        case 1:  // memory through GRBM
        case 2:  // L2
        case 5:  // memory
            to = {Place::kMemory, packet.va32(1), one_address};
            break;
        case 3:
            to = {Place::kGds, packet[1] & kGdsMask, one_address};
            break;
        default:
            return machine.skipped("WRITE_DATA to a reserved destination");
    }
    // A fence in one dword must become visible whole; more than that is bulk data.
    if (to.place == Place::kMemory && !to.fixed && data.size() > 2)
        return machine.job.write(to.address, data.data(), data.size_bytes());
    for (uint32_t i = 0; i < data.size(); i++)
        if (!write_dword(machine, to, i, data[i])) return false;
    return true;
}

bool dma_data(Machine& machine, const Packet& packet) {
    const uint32_t command = packet[5];
    return transfer(machine, dma_target(packet[0], packet.pair(3), command),
                    dma_source(packet[0], packet.pair(1), command), command & kByteCountMask);
}

bool cp_dma(Machine& machine, const Packet& packet) {
    // The selectors share a dword with bits 32..47 of the source address.
    const uint32_t command = packet[4];
    const uint64_t source = uint64_t{packet[1] & 0xffff} << 32 | packet[0];
    const uint64_t target = uint64_t{packet[3] & 0xffff} << 32 | packet[2];
    // Before GFX9 the byte count had 21 bits, and this packet never grew.
    return transfer(machine, dma_target(packet[1], target, command),
                    dma_source(packet[1], source, command), command & 0x1fffff);
}

bool copy_data(Machine& machine, const Packet& packet) {
    const uint32_t control = packet[0];
    const bool wide = control >> 16 & 1;  // COUNT_SEL
    std::optional<uint64_t> value;
    const auto two_dwords = [&](Place place, uint32_t address) {
        const End end{place, address, false};
        return uint64_t{*read_dword(machine, end, 1)} << 32 | *read_dword(machine, end, 0);
    };
    switch (control & 0xf) {  // SRC_SEL
        case 0:               // register
        case 4:               // performance counter
            value = two_dwords(Place::kRegister, packet[1] & kRegisterMask);
            break;
        case 1:  // memory
        case 2:  // L2
            if (wide)
                value = machine.job.load64(packet.va64(1));
            else
                value = machine.job.load32(packet.va32(1));
            break;
        case 3:
            value = two_dwords(Place::kGds, packet[1] & kGdsMask);
            break;
        case 5:
            value = packet.pair(1);
            break;
        case 6:
            value = machine.state.atomic_result;
            break;
        case 9:
            value = gpu_clock();
            break;
        default:
            return machine.skipped("COPY_DATA from an unknown source");
    }
    if (!value) return false;
    const auto put = [&](Place place, uint32_t address) {
        const End end{place, address, false};
        write_dword(machine, end, 0, static_cast<uint32_t>(*value));
        if (wide) write_dword(machine, end, 1, static_cast<uint32_t>(*value >> 32));
        return true;
    };
    switch (control >> 8 & 0xf) {  // DST_SEL
        case 0:                    // register
        case 4:                    // performance counter
        case 6:                    // register through the DC path
            return put(Place::kRegister, packet[3] & kRegisterMask);
        case 1:  // memory through GRBM
        case 2:  // L2
        case 5:  // memory
            return wide ? machine.job.store64(packet.va64(3), *value)
                        : machine.job.store32(packet.va32(3), static_cast<uint32_t>(*value));
        case 3:
            return put(Place::kGds, packet[3] & kGdsMask);
        default:
            return machine.skipped("COPY_DATA to an unknown destination");
    }
}

bool atomic_mem(Machine& machine, const Packet& packet) {
    const uint32_t operation = packet[0] & 0x7f;
    if (!tc_atomic_known(operation)) return machine.skipped("ATOMIC_MEM with unknown operation");
    const bool loops = (packet[0] >> 8 & 3) == 1;  // COMMAND: loop until compare satisfied
    const auto old = run_tc_atomic(machine.job, {.operation = operation,
                                                 .va = packet.pair(1),
                                                 .source = packet.pair(3),
                                                 .compare = packet.pair(5),
                                                 .until_equal = loops});
    if (!old) return false;
    machine.state.atomic_result = *old;
    return true;
}

constexpr PacketInfo kDataPackets[] = {
    {0x1e, "ATOMIC_MEM", 7, atomic_mem}, {0x37, "WRITE_DATA", 3, write_data},
    {0x40, "COPY_DATA", 5, copy_data},   {0x41, "CP_DMA", 5, cp_dma},
    {0x50, "DMA_DATA", 6, dma_data},
};

}  // namespace

std::span<const PacketInfo> data_packets() {
    return kDataPackets;
}

}  // namespace simgpu::pm4
