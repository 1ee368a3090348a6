#include "simgpu/amd/pm4/pm4_engine.h"

#include <fmt/format.h>

#include <utility>

#include "simgpu/amd/pm4/packet_table.h"

namespace simgpu::pm4 {

namespace {

// Packet headers (soc15d.h): type in bits 30..31, body dwords minus one in 16..29.
constexpr uint32_t packet_type(uint32_t header) {
    return header >> 30;
}
constexpr uint32_t count_field(uint32_t header) {
    return header >> 16 & 0x3fff;
}
constexpr uint8_t opcode_of(uint32_t header) {
    return static_cast<uint8_t>(header >> 8);
}

constexpr uint8_t kNop = 0x10;
// A NOP with the largest count is one dword of padding.
constexpr uint32_t kNopWithoutBody = 0x3fff;

uint32_t body_dwords(uint32_t header) {
    switch (packet_type(header)) {
        case 2:
            return 0;
        case 3:
            if (opcode_of(header) == kNop && count_field(header) == kNopWithoutBody) return 0;
            [[fallthrough]];
        default:
            return count_field(header) + 1;
    }
}

std::string header_name(uint32_t header) {
    return packet_type(header) == 3 ? packet_name(opcode_of(header))
                                    : fmt::format("type {} packet", packet_type(header));
}

}  // namespace

Pm4Engine::Pm4Engine(const Pm4Options& options, DispatchFunction dispatch)
    : options_(options), dispatch_(std::move(dispatch)) {}

JobOutcome Pm4Engine::execute(const IndirectBuffer& ib, JobEnvironment& environment) {
    JobRun job(environment);
    streams_.clear();
    streams_.emplace_back(ib.va, ib.size_bytes / 4);
    Machine machine{job, state_, streams_, options_, dispatch_, counters_};
    while (!streams_.empty() && job.poll()) {
        if (streams_.back().dwords_left() == 0)
            streams_.pop_back();
        else if (!step(machine))
            break;
    }
    publish_counts();
    return std::move(job.outcome());
}

/// Runs one packet. False: the job has ended.
bool Pm4Engine::step(Machine& machine) {
    CommandStream& stream = machine.stream();
    const uint64_t va = stream.va();
    if (!stream.fetch(machine.job, 1, fetched_)) return false;
    const uint32_t header = fetched_[0];
    const uint32_t wanted = body_dwords(header);
    if (wanted > stream.dwords_left())
        return machine.job.hang(fmt::format("{} at {:#x} has {} dwords, its IB ends after {}",
                                            header_name(header), va, wanted + 1,
                                            stream.dwords_left() + 1));
    switch (packet_type(header)) {
        case 0:
            return stream.fetch(machine.job, wanted, fetched_) &&
                   run_register_write(machine, header);
        case 1:
            return machine.job.hang(fmt::format("reserved packet type 1 at {:#x}", va));
        case 2:
            return true;  // filler
        default:
            return stream.fetch(machine.job, wanted, fetched_) && run_packet(machine, header);
    }
}

bool Pm4Engine::run_register_write(Machine& machine, uint32_t header) {
    const uint32_t first = header & 0xffff;
    for (uint32_t i = 0; i < fetched_.size(); i++)
        machine.state.registers.write(first + i, fetched_[i]);
    return true;
}

bool Pm4Engine::run_packet(Machine& machine, uint32_t header) {
    const uint8_t opcode = opcode_of(header);
    met_[opcode]++;
    const PacketInfo* info = find_packet(opcode);
    if (!info || !info->handler || fetched_.size() < info->minimum) {
        // Unknown, not simulated, or too short to mean anything.
        skipped_[opcode]++;
        return true;
    }
    const Packet packet{header, fetched_};
    if (packet.predicated() && machine.state.predicate_skips) return true;
    return info->handler(machine, packet);
}

void Pm4Engine::publish_counts() {
    for (size_t opcode = 0; opcode < met_.size(); opcode++) {
        if (met_[opcode] == 0) continue;
        const std::string name = packet_name(static_cast<uint8_t>(opcode));
        counters_.packets[name] += std::exchange(met_[opcode], 0);
        if (skipped_[opcode]) counters_.skipped[name] += std::exchange(skipped_[opcode], 0);
    }
}

}  // namespace simgpu::pm4
