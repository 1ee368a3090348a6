// The packet that a PM4 handler executes, and the machine that it changes.
#pragma once

#include <cstdint>
#include <functional>

#include "simgpu/amd/gfx9/draw/draw.h"
#include "simgpu/amd/gfx9/exec/compute.h"
#include "simgpu/amd/pm4/create.h"
#include "simgpu/amd/pm4/registers.h"
#include "simgpu/engine/packet_engine.h"

namespace simgpu::pm4 {

/// The body of one type 3 packet, and its header.
struct Packet : PacketDwords {
    uint32_t header = 0;

    bool predicated() const { return header & 1; }
    /// Header bit 1: compute rather than graphics state is meant.
    bool for_compute() const { return header & 2; }
};

using DispatchFunction =
    std::function<JobOutcome(const gfx9::Dispatch&, JobEnvironment&, EngineCounters&)>;
using DrawFunction = std::function<JobOutcome(const gfx9::draw::Draw&, JobEnvironment&,
                                              EngineCounters&, gfx9::draw::PipelineCounters&)>;

/// State that survives from IB to IB of one GPU context.
struct ContextState {
    Registers registers;
    GlobalDataShare gds;
    /// SET_BASE: where DRAW_INDIRECT and DISPATCH_INDIRECT offsets count from; [1] for compute.
    uint64_t indirect_base[2] = {};
    /// SET_PREDICATION found that predicated packets are to be skipped.
    bool predicate_skips = false;
    /// Result of the last ATOMIC_MEM, for COPY_DATA.
    uint64_t atomic_result = 0;
    /// INDEX_BASE and INDEX_BUFFER_SIZE (in indices): where indirect draws find indices.
    uint64_t index_base = 0;
    uint32_t index_buffer_size = 0;
    gfx9::draw::StreamoutBuffers streamout;
    /// Counts of the draws so far.
    gfx9::draw::PipelineCounters pipeline;
    /// Compute invocations so far, for the pipeline statistics.
    uint64_t compute_invocations = 0;
};

/// The machine while one job runs.
struct Machine : PacketRun {
    ContextState& state;
    const Pm4Options& options;
    const DispatchFunction& dispatch;
    const DrawFunction& draw;

    /// Where the pixels of tiled surfaces and their metadata lie on this chip.
    gfx9::AddressConfig address_config() const {
        auto config = gfx9::AddressConfig::from_register(options.gb_addr_config);
        config.alias_fix = options.metadata_alias_fix;
        return config;
    }
};

}  // namespace simgpu::pm4
