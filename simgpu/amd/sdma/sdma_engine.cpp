#include "simgpu/amd/sdma/sdma_engine.h"

#include <fmt/format.h>

#include "simgpu/trace.h"

namespace simgpu::sdma {

namespace {

/// Dwords after the fixed part, which `fixed` holds.
uint32_t tail_dwords(Tail tail, std::span<const uint32_t> fixed) {
    switch (tail) {
        case Tail::kNone:
            return 0;
        case Tail::kNopCount:
            return fixed[0] >> 16 & 0x3fff;
        case Tail::kWriteCount:
            return (fixed.back() & 0xfffff) + 1;
    }
    return 0;
}

}  // namespace

void SdmaEngine::trace_packet(const PacketInfo& info) const {
    constexpr size_t kMostDwords = 16;
    std::string dwords;
    for (const uint32_t dword : packet().first(std::min(packet().size(), kMostDwords)))
        dwords += fmt::format(" {:08x}", dword);
    trace("  {:#x} {}{}:{}{}", packet_va(), info.name, info.handler ? "" : ", skipped", dwords,
          packet().size() > kMostDwords ? " ..." : "");
}

bool SdmaEngine::run_packet(PacketRun& run) {
    const uint32_t header = packet()[0];
    const PacketInfo* info = find_packet(header);
    if (!info)
        return run.job.hang(
            fmt::format("unknown SDMA packet {:#010x} at {:#x}", header, packet_va()));
    const auto name = [info] { return fmt::format("SDMA {}", info->name); };
    if (!fetch_rest(run, info->dwords - 1, name) ||
        !fetch_rest(run, tail_dwords(info->tail, packet()), name))
        return false;
    const auto row = static_cast<size_t>(info - packet_table().data());
    count_packet(row);
    if (tracing()) trace_packet(*info);
    if (!info->handler) return count_skipped(row);
    return info->handler(run, Packet{packet()});
}

}  // namespace simgpu::sdma
