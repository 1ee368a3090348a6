// The table of native context types: a row per kernel driver.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "drm-context/account/context_account.h"
#include "drm-context/device/device.h"
#include "wire/capset.h"

namespace viaduct {

class DriverContext;
struct DriverTraits;

struct ContextTypeInfo {
    wire::ContextType type;
    std::string_view kernel_driver;  // DRM_IOCTL_VERSION name
    uint32_t min_major;
    uint32_t min_minor;
    const DriverTraits& (*traits)();
    /// Fills the driver's part of the capability set.
    Status (*fill_capset)(Device& device, wire::CapsetDrm& capset);
    /// A new context, which keeps to the account's limits and books into it.
    Result<std::unique_ptr<DriverContext>> (*create)(std::unique_ptr<Device> device,
                                                     std::unique_ptr<ContextAccount> account);
};

std::span<const ContextTypeInfo> context_types();

/// The row for a device's driver; null if there is none or the driver is too old.
const ContextTypeInfo* find_context_type(const DriverVersion& version);
/// The row of a type; null if there is none.
const ContextTypeInfo* find_context_type(wire::ContextType type);

}  // namespace viaduct
