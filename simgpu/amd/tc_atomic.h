// The L2 cache's atomic operations, as PM4's ATOMIC_MEM and SDMA's ATOMIC ask for them.
#pragma once

#include <cstdint>
#include <optional>

#include "simgpu/engine/job_run.h"

namespace simgpu {

struct TcAtomic {
    uint32_t operation = 0;  // TC_OP_ATOMIC_*, 7 bits
    uint64_t va = 0;
    uint64_t source = 0;
    uint64_t compare = 0;
    /// Repeat until memory held `compare` (a compare-and-swap that waits).
    bool until_equal = false;
};

/// True for the integer operations of the TC_OP list, in 32 and 64 bits.
bool tc_atomic_known(uint32_t operation);

/// Performs a known operation. The old value, or nothing if the job ended.
std::optional<uint64_t> run_tc_atomic(JobRun& job, const TcAtomic& atomic);

}  // namespace simgpu
