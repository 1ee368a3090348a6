// The registers that a thread starts with.
#pragma once

#include "simgpu/intel/eu/exec/thread.h"
#include "simgpu/intel/eu/exec/walker.h"

namespace simgpu::intel::eu {

/// Fills r0 and what follows for thread `number` of the group `id`. Threads are otherwise zero.
void load_payload(Thread& thread, const Walker& walker, const ChipInfo& chip,
                  const std::array<uint32_t, 3>& id, uint32_t number);

}  // namespace simgpu::intel::eu
