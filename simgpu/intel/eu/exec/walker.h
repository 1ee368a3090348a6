// A walker: the thread groups of one dispatch.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "simgpu/engine/engine.h"
#include "simgpu/intel/chip_info.h"
#include "simgpu/intel/eu/memory/surface.h"

namespace simgpu::intel::eu {

/// GPGPU_WALKER and its interface descriptor, or COMPUTE_WALKER.
struct Walker {
    uint64_t kernel_va = 0;
    uint32_t simd = 8;  // channels of a thread: 8, 16 or 32
    uint32_t threads_per_group = 1;
    uint32_t last_mask = ~0u;  // channels of a group's last thread
    uint32_t slm_bytes = 0;
    uint32_t binding_table = 0;       // offset
    uint32_t sampler_states = 0;      // offset from the dynamic state base
    uint32_t control = 0;             // cr0.0 that threads start with
    std::array<uint32_t, 3> start{};  // of the groups' coordinates
    std::array<uint32_t, 3> end{};
    uint64_t scratch_base = 0;   // r0.5 of 12.0: offset from the general state base
    uint32_t scratch_bytes = 0;  // of a thread

    // 12.0: constants in registers behind r0, those of all threads first.
    std::vector<std::byte> constants;
    uint32_t cross_thread_registers = 0;
    uint32_t per_thread_registers = 0;

    // 12.5 on: what the hardware puts into registers by itself.
    uint32_t indirect_data = 0;  // r0.0: offset from the general state base
    uint8_t emit_local = 0;      // axes whose local ids threads get
    bool inline_data_enabled = false;
    std::array<uint32_t, 8> inline_data{};
    std::array<uint32_t, 3> local_size{1, 1, 1};
    uint8_t walk_order = 0;
    uint8_t tile_layout = 0;       // of the local ids, as encoded
    uint32_t scratch_surface = 0;  // r0.5: surface state of the scratch memory
};

/// Runs all groups, in order, on the calling thread.
JobOutcome run_walker(const Walker& walker, const StateBases& bases, const ChipInfo& chip,
                      JobEnvironment& environment, EngineCounters& counters);

}  // namespace simgpu::intel::eu
