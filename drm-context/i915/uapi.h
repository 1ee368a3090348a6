// The i915 user interface: libdrm's header, completed with what newer kernels have added since
// libdrm 2.4.114 (Linux 6.6 include/uapi/drm/i915_drm.h).
#pragma once

#include <i915_drm.h>

#include <cstdint>

namespace viaduct::i915 {

inline constexpr uint32_t kCreateExtSetPat = 2;

/// struct drm_i915_gem_create_ext_set_pat.
struct CreateExtSetPat {
    i915_user_extension base;
    uint32_t pat_index;
    uint32_t rsvd;
};
static_assert(sizeof(CreateExtSetPat) == 40);

}  // namespace viaduct::i915
