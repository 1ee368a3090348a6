// One EXECBUFFER2 ioctl in the making: a guest's objects and relocations, checked and translated.
#pragma once

#include <cstdint>
#include <vector>

#include "drm-context/context/request.h"
#include "drm-context/i915/i915_context.h"
#include "drm-context/i915/page_tables.h"
#include "drm-context/i915/uapi.h"

namespace viaduct::i915 {

/// Owns everything that the ioctl's pointers lead to.
class Execbuffer {
  public:
    explicit Execbuffer(I915Context& context) : context_(context) {}

    /// EINVAL, with a sentence about the fault.
    Status translate(const Request& request);
    /// The kernel waits for this syncobj before the submission, or signals it at its end.
    void wait_for(uint32_t syncobj) { fences_.push_back({syncobj, I915_EXEC_FENCE_WAIT}); }
    void signal(uint32_t syncobj) { fences_.push_back({syncobj, I915_EXEC_FENCE_SIGNAL}); }
    /// The ioctl's argument; valid as long as this object and unchanged.
    drm_i915_gem_execbuffer2 args();

    /// Its buffers, and their places.
    std::vector<PlacedBuffer> buffers() const;

    uint32_t gem_context() const { return static_cast<uint32_t>(wanted_.context_id); }
    uint64_t flags() const { return wanted_.flags; }
    uint32_t engine_index() const {
        return static_cast<uint32_t>(wanted_.flags & wire::i915::kRingMask);
    }

  private:
    Status check_flags() const;
    Status translate_object(std::span<const std::byte> objects, uint32_t index,
                            uint64_t& relocations);

    I915Context& context_;
    wire::i915::GemExecbuffer2Request wanted_{};
    std::vector<drm_i915_gem_exec_object2> objects_;
    std::vector<uint64_t> sizes_;  // of their buffers
    std::vector<drm_i915_gem_relocation_entry> relocations_;
    std::vector<drm_i915_gem_exec_fence> fences_;
};

}  // namespace viaduct::i915
