// The account of a VM as text, in Prometheus' exposition format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "drm-context/account/limits.h"
#include "drm-context/account/vm_account.h"

namespace viaduct {

/// The VM that the figures belong to. Texts may hold any bytes.
struct VmIdentity {
    std::string vm;
    int pid = 0;
    std::string gpu;     // which GPU
    std::string driver;  // its kernel driver
    ContextLimits limits;
    /// By the wire's number; an empty name is a hole.
    std::vector<std::string_view> commands;
};

/// Text of format 0.0.4. Survives anything that workers write.
std::string exposition(const VmIdentity& identity, const VmAccount& vm);

}  // namespace viaduct
