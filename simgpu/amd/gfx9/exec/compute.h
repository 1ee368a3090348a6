// The GFX9 compute unit: runs one dispatch by interpreting its shader.
#pragma once

#include <cstdint>
#include <span>

#include "simgpu/amd/gfx9/surface/swizzle.h"
#include "simgpu/engine/engine.h"

namespace simgpu::gfx9 {

/// COMPUTE_* state at a dispatch. Register meanings: Vega ISA document and the GFX9 register
/// headers (COMPUTE_PGM_RSRC1/2, COMPUTE_TMPRING_SIZE, COMPUTE_DISPATCH_INITIATOR).
struct Dispatch {
    uint64_t program_va = 0;  // COMPUTE_PGM_LO/HI << 8
    uint32_t pgm_rsrc1 = 0;
    uint32_t pgm_rsrc2 = 0;  // user SGPR count, TGID/TG_SIZE enables, LDS size, scratch enable
    uint32_t tmpring_size = 0;
    uint32_t initiator = 0;  // COMPUTE_DISPATCH_INITIATOR (ORDER_MODE, PARTIAL_TG_EN, ...)
    uint32_t resource_limits = 0;
    uint32_t user_data[16] = {};
    uint32_t start[3] = {};    // COMPUTE_START_X/Y/Z, in groups
    uint32_t threads[3] = {};  // COMPUTE_NUM_THREAD_X/Y/Z: full (low 16) and partial (high 16)
    uint32_t groups[3] = {};   // end of the grid in groups (threads with USE_THREAD_DIMENSIONS)
    AddressConfig addresses;   // of the images that it uses
    uint64_t border_colours_va = 0;  // TA_CS_BC_BASE_ADDR << 8
};

/// Runs all workgroups of `dispatch`, in order, on the calling thread. Adds to
/// `counters.lane_instructions`.
JobOutcome run_dispatch(const Dispatch& dispatch, JobEnvironment& environment,
                        EngineCounters& counters);

}  // namespace simgpu::gfx9
