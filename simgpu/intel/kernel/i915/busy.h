// Which engine a fence's job is on: what GEM_BUSY reports.
#pragma once

#include <optional>

#include "simgpu/intel/chip_info.h"
#include "simgpu/sync/fence.h"

namespace simgpu::intel::i915 {

/// Remembers the engine until the fence signals. Thread-safe.
void note_engine(const drm::FencePtr& fence, EngineClass engine_class);
/// Nothing for fences of others, and once it has signalled.
std::optional<EngineClass> engine_of(const drm::FencePtr& fence);

}  // namespace simgpu::intel::i915
