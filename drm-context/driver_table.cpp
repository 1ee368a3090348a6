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

const ContextTypeInfo* find_context_type(const DriverVersion& version) {
    for (const auto& row : kTypes) {
        if (row.kernel_driver != version.name) continue;
        const bool new_enough = version.major > row.min_major ||
                                (version.major == row.min_major && version.minor >= row.min_minor);
        return new_enough ? &row : nullptr;
    }
    return nullptr;
}

const ContextTypeInfo* find_context_type(wire::ContextType type) {
    for (const auto& row : kTypes)
        if (row.type == type) return &row;
    return nullptr;
}

}  // namespace viaduct
