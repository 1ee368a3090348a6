// The table of SDMA v4 packets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "simgpu/engine/command_stream.h"
#include "simgpu/engine/job_run.h"

namespace simgpu::sdma {

/// A private copy of one whole packet, header included: indices are the header file's offsets.
struct Packet {
    std::span<const uint32_t> dwords;

    uint32_t operator[](size_t index) const { return dwords[index]; }
    uint64_t pair(size_t index) const { return uint64_t{dwords[index + 1]} << 32 | dwords[index]; }
    uint64_t va32(size_t index) const { return pair(index) & ~uint64_t{3}; }
    uint64_t va64(size_t index) const { return pair(index) & ~uint64_t{7}; }
};

/// The machine while one job runs. Nothing survives a job.
struct Machine {
    JobRun& job;
    /// The IB that runs (last) and those it was called from.
    std::vector<CommandStream>& streams;
    EngineCounters& counters;

    CommandStream& stream() { return streams.back(); }
    bool skipped(const char* name) {
        counters.skipped[name]++;
        return true;
    }
};

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

/// All packets. SDMA packets carry no length: a header that no row matches ends the job.
std::span<const PacketInfo> packet_table();
/// The row that matches `header`, or null.
const PacketInfo* find_packet(uint32_t header);

}  // namespace simgpu::sdma
