#include "drm-context/driver/table.h"

namespace viaduct {

namespace {

bool is_new_enough(const DriverVersion& version, const ContextTypeInfo& row) {
    return version.major > row.min_major ||
           (version.major == row.min_major && version.minor >= row.min_minor);
}

}  // namespace

const ContextTypeInfo* find_context_type(const DriverVersion& version) {
    for (const auto& row : context_types())
        if (row.kernel_driver == version.name) return is_new_enough(version, row) ? &row : nullptr;
    return nullptr;
}

const ContextTypeInfo* find_context_type(wire::ContextType type) {
    for (const auto& row : context_types())
        if (row.type == type) return &row;
    return nullptr;
}

}  // namespace viaduct
