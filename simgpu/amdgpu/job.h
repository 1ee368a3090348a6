// Job: one submission to one ring.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simgpu/amdgpu/address_space.h"
#include "simgpu/amdgpu/buffer.h"
#include "simgpu/amdgpu/context.h"
#include "simgpu/amdgpu/uapi.h"
#include "simgpu/engine/engine.h"

namespace simgpu::amdgpu {

/// Where the GPU writes a job's sequence number when it is done (AMDGPU_CHUNK_ID_FENCE).
struct UserFence {
    BufferPtr buffer;
    uint64_t offset = 0;  // 8-byte aligned, within the buffer
};

struct Job {
    ContextPtr context;
    PageTablePtr page_table;
    std::vector<IndirectBuffer> ibs;
    std::vector<drm::FencePtr> dependencies;
    std::optional<UserFence> user_fence;
    uint64_t sequence = 0;  // within its context and ring
    JobFences fences{drm::Fence::create(), drm::Fence::create()};
};

/// The open file a job came from, as its rings see it. Outlives them.
class JobOwner {
  public:
    virtual ~JobOwner() = default;
    virtual uint64_t client_id() const = 0;
    virtual std::string client_name() const = 0;
    /// For AMDGPU_INFO_GPUVM_FAULT.
    virtual void record_fault(const GpuvmFault& fault) = 0;
};

}  // namespace simgpu::amdgpu
