// Job: one submission to one ring.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "simgpu/engine/engine.h"
#include "simgpu/memory/address_space.h"
#include "simgpu/memory/buffer.h"
#include "simgpu/sched/client.h"
#include "simgpu/sched/context.h"

namespace simgpu::sched {

/// Where the GPU writes a job's sequence number when it is done (such as AMDGPU_CHUNK_ID_FENCE).
struct UserFence {
    memory::BufferPtr buffer;
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

}  // namespace simgpu::sched
