#include "tests/integration/abi/guest_driver.h"

#include <gtest/gtest.h>

#include "renderer/abi/virglrenderer.h"
#include "wire/capset.h"

namespace viaduct::test {

namespace {

struct Row {
    wire::ContextType type;
    std::unique_ptr<GuestDriver> (*create)(GuestContext& guest);
};
constexpr Row kDrivers[] = {
    {wire::ContextType::kAmdgpu, create_amdgpu_driver},
    {wire::ContextType::kI915, create_i915_driver},
    {wire::ContextType::kXe, create_xe_driver},
};

}  // namespace

std::unique_ptr<GuestDriver> GuestDriver::create(GuestContext& guest) {
    wire::CapsetDrm capset{};
    virgl_renderer_fill_caps(wire::kCapsetDrm, 0, &capset);
    for (const Row& row : kDrivers)
        if (row.type == capset.context_type) return row.create(guest);
    ADD_FAILURE() << "no driver for context type " << static_cast<uint32_t>(capset.context_type);
    return create_amdgpu_driver(guest);
}

}  // namespace viaduct::test
