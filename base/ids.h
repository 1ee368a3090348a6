// Ids that guests, VMMs and kernels choose: any value may come.
#pragma once

#include <cstdint>

#include "base/strong_id.h"

namespace viaduct {

/// A virtio-gpu context: one guest process on one GPU.
using ContextId = StrongId<struct ContextIdTag, uint32_t>;

/// A ring of a context (ring_idx): a timeline of its fences.
using RingIndex = StrongId<struct RingIndexTag, uint32_t>;

/// A resource: memory that guest and host know by one number, the same in all contexts.
using ResourceId = StrongId<struct ResourceIdTag, uint32_t>;

/// A GEM handle: one open file's number for a buffer. 0: none.
using GemHandle = StrongId<struct GemHandleTag, uint32_t>;

/// A fence of a guest context. The VMM's, and the same in no two contexts.
using FenceId = StrongId<struct FenceIdTag, uint64_t>;

}  // namespace viaduct
