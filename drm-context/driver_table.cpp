// The drivers that native contexts are for, a row each.
#include "drm-context/driver/table.h"

#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/amdgpu/capset.h"

namespace viaduct {

namespace {

constexpr ContextTypeInfo kTypes[] = {
    // 3.27 is the first interface with timeline syncobj chunks in CS (kernel amdgpu_drv.c).
    {wire::ContextType::kAmdgpu, "amdgpu", 3, 27, amdgpu::traits, amdgpu::fill_capset,
     amdgpu::create_context},
};

}  // namespace

std::span<const ContextTypeInfo> context_types() {
    return kTypes;
}

}  // namespace viaduct
