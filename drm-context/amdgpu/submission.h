// One CS ioctl in the making: a guest's chunks, checked and translated.
#pragma once

#include <amdgpu_drm.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/amdgpu/submission_buffers.h"

namespace viaduct::amdgpu {

/// The ioctl's pointers lead into the buffers.
class Submission {
  public:
    /// `buffers` are the submission's alone while it lives.
    Submission(AmdgpuContext& context, SubmissionBuffers& buffers)
        : context_(context), buffers_(buffers) {
        buffers_.clear();
    }

    /// Checks and translates every chunk of `request`. EINVAL says which one is wrong.
    Status translate(const Request& request);
    /// Adds a chunk of the host's own.
    template <typename T>
    void append(uint32_t chunk_id, const T& value) {
        append_bytes(chunk_id, std::as_bytes(std::span(&value, 1)));
    }
    /// A user fence that is left out, as the kernel would refuse it: see UserFences.
    const std::optional<drm_amdgpu_cs_chunk_fence>& own_user_fence() const {
        return own_user_fence_;
    }
    /// Buffers of the guest's list that others may read, and that the kernel leaves to its users.
    std::span<const GemHandle> guarded() const { return guarded_; }
    /// The ioctl's argument; valid as long as this object. Called once, when all is appended.
    drm_amdgpu_cs args(uint32_t ctx_id);

  private:
    struct ChunkRule {
        uint32_t chunk_id;
        uint32_t multiple_of;  // bytes: a payload is a whole number of these
        Status (Submission::*translate)(std::span<const std::byte> payload);
    };
    static const ChunkRule kRules[];

    Status translate_chunk(const wire::amdgpu::ChunkDescriptor& chunk,
                           std::span<const std::byte> payload);
    Status translate_ib(std::span<const std::byte> payload);
    Status translate_user_fence(std::span<const std::byte> payload);
    Status translate_dependencies(std::span<const std::byte> payload);
    Status translate_bo_handles(std::span<const std::byte> payload);
    /// The list as it is, and what every submission lists.
    void append_bo_list();
    void append_bytes(uint32_t chunk_id, std::span<const std::byte> payload);

    AmdgpuContext& context_;
    SubmissionBuffers& buffers_;
    std::vector<GemHandle> guarded_;
    std::optional<drm_amdgpu_cs_chunk_fence> own_user_fence_;
    bool has_bo_list_ = false;
    RingIndex last_ib_ring_ = {};
};

}  // namespace viaduct::amdgpu
