// The blitter's operations, taken apart.
#pragma once

#include <array>
#include <cstdint>

#include "simgpu/engine/job_run.h"
#include "simgpu/intel/surface/tiling.h"

namespace simgpu::intel::blt {

/// One surface of an operation, and the corner of the rectangle on it.
struct Plane {
    uint64_t base = 0;
    uint32_t pitch = 0;  // bytes
    Tiling tiling = Tiling::kLinear;
    int32_t x = 0;  // pixels
    int32_t y = 0;
};

struct Rectangle {
    uint32_t width = 0;  // pixels
    uint32_t height = 0;
    uint32_t pixel_bytes = 4;
};

/// Copies and fills end the job on a fault, and look at the stop flag now and then.
bool copy(JobRun& job, const Plane& to, const Plane& from, const Rectangle& size);
bool fill(JobRun& job, const Plane& to, const Rectangle& size,
          const std::array<uint32_t, 4>& colour);

}  // namespace simgpu::intel::blt
