// The GFX9 graphics pipeline: runs one draw, from vertex shader to colour and depth buffers.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "simgpu/amd/gfx9/surface/swizzle.h"
#include "simgpu/amd/gfx9/wave/graphics_wave.h"
#include "simgpu/engine/engine.h"

namespace simgpu::gfx9::draw {

/// The value of a register by its byte address, as the register headers number them.
using RegisterReader = std::function<uint32_t(uint32_t byte_address)>;

inline constexpr unsigned kStreamoutBuffers = 4;

/// How far transform feedback has filled each buffer, in dwords from its start; kept from draw to
/// draw of a context. STRMOUT_BUFFER_UPDATE sets and stores it.
struct StreamoutBuffers {
    std::array<uint32_t, kStreamoutBuffers> filled{};
};

/// Counts for queries, kept from draw to draw of a context.
struct PipelineCounters {
    /// Primitives that were written to buffers, and those that there should have been room for.
    struct Stream {
        uint64_t written = 0, needed = 0;
    };
    std::array<Stream, kStreams> streams{};
    uint64_t samples_passed = 0;
    uint64_t input_vertices = 0;
    uint64_t input_primitives = 0;
    uint64_t vertex_invocations = 0;
    uint64_t hull_invocations = 0;  // patches
    uint64_t domain_invocations = 0;
    uint64_t geometry_invocations = 0;
    uint64_t geometry_primitives = 0;
    uint64_t clipper_invocations = 0;
    uint64_t clipper_primitives = 0;
    uint64_t pixel_invocations = 0;
};

/// One draw as a packet describes it; the rest is in registers.
struct Draw {
    RegisterReader registers;
    StreamoutBuffers* streamout = nullptr;  // never null while it runs
    AddressConfig addresses;
    /// The registers of an LS start at v0 in waves without control points, as on Vega 10 and Raven
    /// (Mesa: has_ls_vgpr_init_bug).
    bool moves_vertex_registers = false;
    uint32_t count = 0;  // vertices or indices
    uint32_t instances = 1;
    /// 0: vertices are numbered from 0.
    uint8_t index_bytes = 0;
    uint64_t index_va = 0;
    /// Indices from `index_va` on that are inside of the index buffer; those past them read 0.
    uint32_t indices_available = 0;
};

/// Runs `draw` on the calling thread. Work that is not simulated ends it with kBadShader and a
/// report that names the register.
JobOutcome run_draw(const Draw& draw, JobEnvironment& environment, EngineCounters& counters,
                    PipelineCounters& pipeline);

}  // namespace simgpu::gfx9::draw
