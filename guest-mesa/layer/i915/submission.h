// Submission: an EXECBUFFER2 of the driver's, taken apart and written anew for the wire.
#pragma once

#include <i915_drm.h>

#include <cstdint>
#include <vector>

#include "guest-mesa/layer/gem_table.h"
#include "guest-mesa/layer/request.h"
#include "guest-mesa/layer/virtgpu_ioctls.h"
#include "wire/i915.h"

namespace viaduct::guest::i915 {

namespace wire = viaduct::wire::i915;

class Submission {
  public:
    /// 0, or the negative errno that the kernel would answer.
    int parse(const Channel& channel, GemTable& gems, const drm_i915_gem_execbuffer2& arg);

    uint32_t context() const { return head_.context_id & UINT32_MAX; }
    RingIndex ring() const {
        return RingIndex(wire::kFirstRing + static_cast<uint32_t>(head_.flags & wire::kRingMask));
    }
    bool wants_out_fence() const { return wants_out_fence_; }
    int in_fence() const { return in_fence_; }  // -1: none
    /// Syncobjs to wait for and to signal; point 0: as binary ones.
    const std::vector<virtgpu::ExecbufferSyncobj>& in() const { return in_; }
    std::vector<virtgpu::ExecbufferSyncobj>& out() { return out_; }
    const std::vector<GemHandle>& handles() const { return handles_; }
    /// Of these, without repetition, those that others can reach.
    const std::vector<GemHandle>& shared_handles() const { return shared_handles_; }

    std::vector<std::byte> request() const;

  private:
    int check(const drm_i915_gem_execbuffer2& arg);
    int parse_objects(const Channel& channel, GemTable& gems, uint64_t objects, uint32_t count);
    int parse_relocations(const drm_i915_gem_exec_object2& object);
    int parse_fence_array(uint64_t fences, uint32_t count);
    int parse_timeline_fences(uint64_t extension);
    int add_fence(const drm_i915_gem_exec_fence& fence, uint64_t point);

    wire::GemExecbuffer2Request head_{};
    bool targets_are_indices_ = false;
    std::vector<drm_i915_gem_exec_object2> objects_;  // resource ids in place of handles
    std::vector<drm_i915_gem_relocation_entry> relocations_;
    std::vector<GemHandle> handles_;
    std::vector<GemHandle> shared_handles_;
    std::vector<virtgpu::ExecbufferSyncobj> in_;
    std::vector<virtgpu::ExecbufferSyncobj> out_;
    int in_fence_ = -1;
    bool wants_out_fence_ = false;
};

}  // namespace viaduct::guest::i915
