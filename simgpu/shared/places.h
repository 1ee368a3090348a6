// The places of a hardware ring, with the segment's lock held. Private to simgpu/shared.
#pragma once

#include "simgpu/shared/segment.h"

namespace simgpu::shared {

/// The job in `place` executes, or is the next to.
bool is_oldest(const Ring& ring, const Place& place);

/// Frees the place of a job that ended at `finished_ns` (monotonic_ns()). If it was the one that
/// executed, the time of those behind it counts from then on.
void vacate(Ring& ring, Place& place, uint64_t finished_ns);

}  // namespace simgpu::shared
