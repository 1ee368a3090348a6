// Job: one submission to one ring.
#pragma once

#include <cstdint>
#include <functional>
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

/// A qword that the GPU writes, by address, when a job's IBs are done.
struct EndWrite {
    uint64_t va = 0;
    uint64_t value = 0;
};

/// Keeps alive what it uses; the file that submitted it may be closed meanwhile.
struct Job {
    ClientPtr client;
    ContextPtr context;
    Entity* entity = nullptr;  // of the context
    memory::PageTablePtr page_table;
    /// Of drivers whose mappings change while jobs wait: has the page table when the job begins to
    /// execute, in place of `page_table`. On the ring's thread.
    std::function<memory::PageTablePtr()> find_page_table;
    std::vector<IndirectBuffer> ibs;
    std::vector<drm::FencePtr> dependencies;
    std::optional<UserFence> user_fence;
    std::vector<EndWrite> end_writes;
    uint64_t sequence = 0;     // within its entity
    uint32_t vram_losses = 0;  // the device's count at submission
    JobFences fences{drm::Fence::create(), drm::Fence::create()};
};

}  // namespace simgpu::sched
