// The i915 user interface as the simulated device plays it: libdrm's header, completed with what
// newer kernels have added since libdrm 2.4.114.
#pragma once

#include <i915_drm.h>

#include <cstddef>
#include <cstdint>

namespace simgpu::intel::i915 {

// Linux 6.12 include/uapi/drm/i915_drm.h.
inline constexpr int32_t kParamOaTimestampFrequency = 57;
inline constexpr int32_t kParamPxpStatus = 58;
inline constexpr uint64_t kQueryGucSubmissionVersion = 7;
inline constexpr uint32_t kCreateExtSetPat = 2;
inline constexpr uint64_t kContextParamContextImage = 0xe;

/// struct drm_i915_query_guc_submission_version.
struct GucSubmissionVersion {
    uint32_t branch;
    uint32_t major;
    uint32_t minor;
    uint32_t patch;
};
static_assert(sizeof(GucSubmissionVersion) == 16);

/// struct drm_i915_gem_create_ext_set_pat.
struct CreateExtSetPat {
    i915_user_extension base;
    uint32_t pat_index;
    uint32_t rsvd;
};
static_assert(sizeof(CreateExtSetPat) == 40);

// __I915_EXEC_UNKNOWN_FLAGS and __EXEC_OBJECT_UNKNOWN_FLAGS, without the sign games.
inline constexpr uint64_t kExecUnknownFlags = ~((uint64_t{I915_EXEC_USE_EXTENSIONS} << 1) - 1);
inline constexpr uint64_t kObjectUnknownFlags = ~((uint64_t{EXEC_OBJECT_CAPTURE} << 1) - 1);
inline constexpr uint32_t kFenceUnknownFlags = ~((uint32_t{I915_EXEC_FENCE_SIGNAL} << 1) - 1);
inline constexpr uint32_t kCreateUnknownFlags =
    ~((uint32_t{I915_CONTEXT_CREATE_FLAGS_SINGLE_TIMELINE} << 1) - 1);

}  // namespace simgpu::intel::i915
