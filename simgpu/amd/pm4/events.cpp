// Fences, events and waits.
#include <utility>

#include "simgpu/amd/compare.h"
#include "simgpu/amd/pm4/packet_table.h"
#include "simgpu/clock.h"

namespace simgpu::pm4 {

namespace {

// VGT_EVENT_INITIATOR.EVENT_TYPE (GFX9 register headers): those that write memory.
constexpr uint32_t kSampleStreamoutStats1 = 0x01;
constexpr uint32_t kSampleStreamoutStats3 = 0x03;
constexpr uint32_t kZpassDone = 0x15;
constexpr uint32_t kSamplePipelineStat = 0x1e;
constexpr uint32_t kStreamoutFlush = 0x1f;
constexpr uint32_t kSampleStreamoutStats = 0x20;
constexpr uint32_t kPixelPipeStatDump = 0x39;

// Query results carry this bit once they are there; drivers wait for it.
constexpr uint64_t kResultValid = uint64_t{1} << 63;
// SAMPLE_PIPELINESTAT writes eleven counters; compute invocations come last.
constexpr uint32_t kPipelineStats = 11;

/// The data part of end-of-pipe packets: DATA_SEL, where to, and what.
bool write_fence(Machine& machine, uint32_t data_select, uint64_t va, uint64_t value) {
    JobRun& job = machine.job;
    switch (data_select) {
        case 1:
            return job.store32(va & ~uint64_t{3}, static_cast<uint32_t>(value));
        case 2:
            return job.store64(va & ~uint64_t{7}, value);
        case 3:  // GPU clock
        case 4:  // system clock: the same counter here
            return job.store64(va & ~uint64_t{7}, gpu_clock());
        case 5: {  // GDS: offset and count in dwords
            const auto first = static_cast<uint32_t>(value & 0xffff);
            const auto count = static_cast<uint32_t>(value >> 16 & 0xffff);
            for (uint32_t i = 0; i < count; i++)
                if (!job.store32((va & ~uint64_t{3}) + uint64_t{i} * 4,
                                 machine.state.gds.read((first + i) * 4)))
                    return false;
            return true;
        }
        default:
            return true;
    }
}

/// Each backend reports the samples that have passed in it: the first one all of them.
bool write_occlusion(Machine& machine, uint64_t va) {
    constexpr uint64_t kBytesPerBackend = 16;  // begin and end, 8 bytes each
    uint64_t samples = machine.state.pipeline.samples_passed & ~kResultValid;
    for (uint32_t i = 0; i < machine.options.render_backends; i++)
        if (!machine.job.store64(va + i * kBytesPerBackend,
                                 std::exchange(samples, 0) | kResultValid))
            return false;
    return true;
}

bool write_pipeline_stats(Machine& machine, uint64_t va) {
    const gfx9::draw::PipelineCounters& drawn = machine.state.pipeline;
    const uint64_t counts[kPipelineStats] = {
        drawn.pixel_invocations,          drawn.clipper_primitives,
        drawn.clipper_invocations,        drawn.vertex_invocations,
        drawn.geometry_invocations,       drawn.geometry_primitives,
        drawn.input_primitives,           drawn.input_vertices,
        drawn.hull_invocations,           drawn.domain_invocations,
        machine.state.compute_invocations};
    for (uint32_t i = 0; i < kPipelineStats; i++)
        if (!machine.job.store64(va + uint64_t{i} * 8, counts[i])) return false;
    return true;
}

/// In the order in which radeonsi and radv read them, which is not that of radeonsi's comment.
bool write_streamout_stats(Machine& machine, uint64_t va, uint32_t stream) {
    const auto& counted = machine.state.pipeline.streams[stream];
    return machine.job.store64(va, counted.needed | kResultValid) &&
           machine.job.store64(va + 8, counted.written | kResultValid);
}

/// Waits until `load() & mask` compares as asked. `load` gives nothing if the job has ended.
template <typename Load>
bool wait_for(Machine& machine, uint32_t function, uint64_t mask, uint64_t reference, Load load) {
    return machine.job.wait("WAIT_REG_MEM", [&] {
        const auto value = load();
        if (!value) return Probe::kFailed;
        return compare(function, *value & mask, reference) ? Probe::kSatisfied : Probe::kPending;
    });
}

bool release_mem(Machine& machine, const Packet& packet) {
    return write_fence(machine, packet[1] >> 29, packet.pair(2), packet.pair(4));
}

bool event_write_eop(Machine& machine, const Packet& packet) {
    const uint64_t va = uint64_t{packet[2] & 0xffff} << 32 | packet[1];
    return write_fence(machine, packet[2] >> 29, va, packet.pair(3));
}

bool event_write_eos(Machine& machine, const Packet& packet) {
    constexpr uint32_t kGds = 1;
    constexpr uint32_t kValue32 = 2;
    const uint64_t va = uint64_t{packet[2] & 0xffff} << 32 | packet[1];
    switch (packet[2] >> 29) {
        case kGds:
            return write_fence(machine, 5, va, packet[3]);
        case kValue32:
            return write_fence(machine, 1, va, packet[3]);
        default:
            return machine.skipped("EVENT_WRITE_EOS with append count");
    }
}

/// Drivers wait for this before they set or store how far buffers are filled. Draws are over when
/// the packet comes.
bool streamout_flush(Machine& machine) {
    constexpr uint32_t kControl = 0x300fc / 4;  // CP_STRMOUT_CNTL
    constexpr uint32_t kOffsetUpdateDone = 1;
    Registers& registers = machine.state.registers;
    registers.write(kControl, registers.read(kControl) | kOffsetUpdateDone);
    return true;
}

bool event_write(Machine& machine, const Packet& packet) {
    if ((packet[0] & 0x3f) == kStreamoutFlush) return streamout_flush(machine);
    if (packet.size() < 3) return true;  // an event without an address: a flush or a marker
    const uint64_t va = packet.va64(1);
    const uint32_t type = packet[0] & 0x3f;
    switch (type) {
        case kZpassDone:
        case kPixelPipeStatDump:
            return write_occlusion(machine, va);
        case kSamplePipelineStat:
            return write_pipeline_stats(machine, va);
        case kSampleStreamoutStats:
            return write_streamout_stats(machine, va, 0);
        default:
            if (type >= kSampleStreamoutStats1 && type <= kSampleStreamoutStats3)
                return write_streamout_stats(machine, va, type - kSampleStreamoutStats1 + 1);
            return true;
    }
}

bool wait_reg_mem(Machine& machine, const Packet& packet) {
    const uint32_t control = packet[0];
    const bool memory = (control >> 4 & 3) == 1;  // MEM_SPACE
    Registers& registers = machine.state.registers;
    uint32_t polled = packet[1] & kRegisterMask;
    if ((control >> 6 & 3) == 1) {  // OPERATION: write one register, then wait on another
        registers.write(polled, packet[3]);
        polled = packet[2] & kRegisterMask;
        return wait_for(machine, control, packet[4], packet[3],
                        [&] { return std::optional(registers.read(polled)); });
    }
    return wait_for(machine, control, packet[4], packet[3], [&] {
        return memory ? machine.job.load32(packet.va32(1)) : std::optional(registers.read(polled));
    });
}

bool wait_reg_mem64(Machine& machine, const Packet& packet) {
    const uint32_t control = packet[0];
    const bool memory = (control >> 4 & 3) == 1;
    const uint32_t polled = packet[1] & kRegisterMask;
    const Registers& registers = machine.state.registers;
    return wait_for(machine, control, packet.pair(5), packet.pair(3), [&] {
        if (memory) return machine.job.load64(packet.va64(1));
        return std::optional(uint64_t{registers.read(polled + 1)} << 32 | registers.read(polled));
    });
}

bool cond_write(Machine& machine, const Packet& packet) {
    const uint32_t control = packet[0];
    const bool polls_memory = control >> 4 & 1;   // POLL_SPACE
    const bool writes_memory = control >> 8 & 1;  // WRITE_SPACE
    Registers& registers = machine.state.registers;
    const auto value = polls_memory ? machine.job.load32(packet.va32(1))
                                    : std::optional(registers.read(packet[1] & kRegisterMask));
    if (!value) return false;
    if (!compare(control, *value & packet[4], packet[3])) return true;
    if (writes_memory) return machine.job.store32(packet.va32(5), packet[7]);
    registers.write(packet[5] & kRegisterMask, packet[7]);
    return true;
}

constexpr PacketInfo kEventPackets[] = {
    {0x3c, "WAIT_REG_MEM", 5, wait_reg_mem},       {0x45, "COND_WRITE", 8, cond_write},
    {0x46, "EVENT_WRITE", 1, event_write},         {0x47, "EVENT_WRITE_EOP", 5, event_write_eop},
    {0x48, "EVENT_WRITE_EOS", 4, event_write_eos}, {0x49, "RELEASE_MEM", 6, release_mem},
    {0x93, "WAIT_REG_MEM64", 7, wait_reg_mem64},
};

}  // namespace

std::span<const PacketInfo> event_packets() {
    return kEventPackets;
}

}  // namespace simgpu::pm4
