// The table of native context types with the toy driver alone, in place of
// drm-context/driver_table.cpp.
#include "drm-context/driver/table.h"

#include "tests/integration/driver/toy/toy_context.h"

namespace viaduct {

namespace {

constexpr ContextTypeInfo kTypes[] = {
    {wire::ContextType{99}, "toy", 1, 0, toy::traits, toy::fill_capset, toy::create_context},
};

}  // namespace

std::span<const ContextTypeInfo> context_types() {
    return kTypes;
}

}  // namespace viaduct
