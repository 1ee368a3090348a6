// The drivers that native contexts are for, a row each.
#include "drm-context/driver/table.h"

#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/amdgpu/capset.h"
#include "drm-context/i915/capset.h"
#include "drm-context/i915/i915_context.h"
#include "drm-context/xe/xe_context.h"

namespace viaduct {

namespace {

constexpr ContextTypeInfo kTypes[] = {
    // 3.27 is the first interface with timeline syncobj chunks in CS (kernel amdgpu_drv.c).
    {wire::ContextType::kAmdgpu, "amdgpu", 3, 27, amdgpu::traits, amdgpu::fill_capset,
     amdgpu::create_context},
    // Every kernel since Linux 2.6.29 reports 1.6; the oldest with all that is used here is
    // Linux 5.13.
    {wire::ContextType::kI915, "i915", 1, 6, i915::traits, i915::fill_capset, i915::create_context},
    // 1.1 from the first release on: newer interfaces are found by their queries.
    {wire::ContextType::kXe, "xe", 1, 1, xe::traits, xe::fill_capset, xe::create_context},
};

}  // namespace

std::span<const ContextTypeInfo> context_types() {
    return kTypes;
}

}  // namespace viaduct
