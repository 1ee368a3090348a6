// Job: one submission to one ring.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "simgpu/amd/kernel/client.h"
#include "simgpu/amd/kernel/context.h"
#include "simgpu/amd/kernel/memory.h"
#include "simgpu/amd/kernel/uapi.h"
#include "simgpu/engine/engine.h"

namespace simgpu::amdgpu {

/// Where the GPU writes a job's sequence number when it is done (AMDGPU_CHUNK_ID_FENCE).
struct UserFence {
    BufferPtr buffer;
    uint64_t offset = 0;  // 8-byte aligned, within the buffer
};

/// Keeps alive what it uses; the file that submitted it may be closed meanwhile.
struct Job {
    ClientPtr client;
    ContextPtr context;
    Entity* entity = nullptr;  // of the context
    memory::PageTablePtr page_table;
    std::vector<IndirectBuffer> ibs;
    std::vector<drm::FencePtr> dependencies;
    std::optional<UserFence> user_fence;
    uint64_t sequence = 0;     // within its entity
    uint32_t vram_losses = 0;  // the device's count at submission
    JobFences fences{drm::Fence::create(), drm::Fence::create()};
};

}  // namespace simgpu::amdgpu
