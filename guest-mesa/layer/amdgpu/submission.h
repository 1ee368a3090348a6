// Submission: what a CS ioctl asks for, read from the chunks and turned into a request.
#pragma once

#include <amdgpu_drm.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ids.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"
#include "wire/amdgpu.h"
#include "wire/amdgpu_rings.h"

namespace viaduct::guest::amdgpu {

namespace wire = viaduct::wire::amdgpu;

/// The chunks of one CS ioctl, sorted into what crosses to the host and what stays in the guest.
struct Submission {
    uint32_t context = 0;
    uint32_t bo_list = 0;     // 0: none
    RingIndex timeline = {};  // of the last IB
    std::vector<drm_amdgpu_cs_chunk_ib> ibs;
    std::vector<drm_amdgpu_bo_list_entry> buffers;
    bool has_buffer_chunk = false;
    std::optional<drm_amdgpu_cs_chunk_fence> user_fence;
    std::vector<drm_amdgpu_cs_chunk_dep> dependencies;
    /// Only handle and point count; see Driver::resolve_in_fences.
    std::vector<virtgpu::ExecbufferSyncobj> in;
    std::vector<virtgpu::ExecbufferSyncobj> out;
    /// An entry of `in` asked to be waited for even before its fence exists.
    bool wait_for_submit = false;
};

/// The buffers of a submission under both their names.
struct BufferList {
    std::vector<GemHandle> handles;
    std::vector<GemHandle> shared_handles;
    std::vector<viaduct::wire::amdgpu::BoListEntry> entries;
    std::optional<viaduct::wire::amdgpu::UserFence> user_fence;
};

/// Reads the chunks: 0, or -EINVAL for what the kernel would refuse too.
int parse_submission(const drm_amdgpu_cs_in& arg, const wire::RingNumbering& numbering,
                     Submission& submission);

/// Reads a list of buffers as BO_LIST and BO_HANDLES carry it.
int parse_bo_list(const drm_amdgpu_bo_list_in& list,
                  std::vector<drm_amdgpu_bo_list_entry>& entries);

/// The CS_SUBMIT request; empty if it does not fit the wire format (an entry count of 16 bits).
std::vector<std::byte> build_request(const Submission& submission, const BufferList& buffers);

}  // namespace viaduct::guest::amdgpu
