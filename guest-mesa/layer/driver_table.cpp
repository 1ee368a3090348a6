#include "guest-mesa/layer/amdgpu/driver.h"
#include "guest-mesa/layer/guest_driver.h"
#include "guest-mesa/layer/i915/driver.h"
#include "guest-mesa/layer/xe/driver.h"

namespace viaduct::guest {

namespace {

constexpr DriverRow kDrivers[] = {
    {wire::ContextType::kAmdgpu, "amdgpu", "20150101", "AMD GPU", amdgpu::pci_identity,
     amdgpu::capability, amdgpu::Driver::create},
    {wire::ContextType::kI915, "i915", "20230929", "Intel Graphics", i915::pci_identity,
     i915::capability, i915::Driver::create},
    {wire::ContextType::kXe, "xe", "20201103", "Intel Xe Graphics", xe::pci_identity,
     xe::capability, xe::Driver::create},
};

}  // namespace

std::span<const DriverRow> driver_table() {
    return kDrivers;
}

const DriverRow* find_driver(wire::ContextType type) {
    for (const DriverRow& row : kDrivers)
        if (row.type == type) return &row;
    return nullptr;
}

}  // namespace viaduct::guest
