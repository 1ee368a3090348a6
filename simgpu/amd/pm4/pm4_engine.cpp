#include "simgpu/amd/pm4/pm4_engine.h"

#include <fmt/format.h>

#include <utility>

#include "simgpu/amd/pm4/trace.h"
#include "simgpu/trace.h"

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

Pm4Engine::Pm4Engine(const Pm4Options& options, DispatchFunction dispatch, DrawFunction draw)
    : PacketEngine(kOpcodes),
      options_(options),
      dispatch_(std::move(dispatch)),
      draw_(std::move(draw)) {}

std::string Pm4Engine::kind_name(size_t opcode) const {
    return packet_name(static_cast<uint8_t>(opcode));
}

bool Pm4Engine::run_packet(PacketRun& run) {
    const uint32_t header = packet()[0];
    const uint32_t wanted = body_dwords(header);
    if (packet_type(header) == 1 && wanted <= run.stream().dwords_left())
        return run.job.hang(fmt::format("reserved packet type 1 at {:#x}", packet_va()));
    if (!fetch_rest(run, wanted, [header] { return header_name(header); })) return false;
    switch (packet_type(header)) {
        case 0:
            return write_registers(header);
        case 3:
            return run_type3(run, header);
        default:
            return true;  // type 2: filler
    }
}

bool Pm4Engine::write_registers(uint32_t header) {
    uint32_t dword = header & 0xffff;
    for (const uint32_t value : packet().subspan(1)) state_.registers.write(dword++, value);
    return true;
}

bool Pm4Engine::run_type3(PacketRun& run, uint32_t header) {
    const uint8_t opcode = opcode_of(header);
    count_packet(opcode);
    const PacketInfo* info = table_[opcode];
    const Packet body{{packet().subspan(1)}, header};
    // Unknown, not simulated, or too short to mean anything.
    const bool executes = info && info->handler && body.size() >= info->minimum;
    const bool predicated = body.predicated() && state_.predicate_skips;
    if (tracing())
        trace_packet(run, packet_va(), opcode, body,
                     !executes    ? "skipped, not simulated"
                     : predicated ? "skipped by its predicate"
                                  : "");
    if (!executes) return count_skipped(opcode);
    if (predicated) return true;
    Machine machine{run, state_, options_, dispatch_, draw_};
    return info->handler(machine, body);
}

}  // namespace simgpu::pm4
