// One VM's budget of the host's GPU, and the notation for it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "drm-context/account/limits.h"

namespace viaduct {

/// 0 means no limit unless ContextLimits says otherwise.
struct Budget {
    std::string profile = "unlimited";  // the name of where it came from
    std::string description;            // for people
    ContextLimits context;
    uint32_t contexts = 0;  // guest contexts at the same time
    uint64_t window = 0;    // bytes mapped into the guest's host-visible window
    /// Open in the VMM for the guest's resources and contexts. The rest is the VMM's own.
    static constexpr uint32_t kHalfOfOpenFiles = UINT32_MAX;
    uint32_t descriptors = kHalfOfOpenFiles;
    /// Contexts that may be lost per minute before new ones are refused. More than all that a VM
    /// commonly has: its zygote's death costs them all at once.
    uint32_t losses = 200;

    /// With what this process may have in place of kHalfOfOpenFiles.
    UsageLimits usage_limits() const;
};

/// One thing that a budget limits, by the names it has in a profile and in the environment.
struct BudgetKey {
    std::string_view key;       // "gpu_memory"
    std::string_view variable;  // "VIADUCT_GPU_MEMORY"
    /// Sets it from text. EINVAL: a sentence that says what to write instead.
    Status (*set)(Budget& budget, std::string_view text);
    /// As text, as short as can be; "-" for no limit.
    std::string (*show)(const Budget& budget);
};
std::span<const BudgetKey> budget_keys();

/// "256M" and the like: bytes, with K, M, G or T (powers of 1024).
Result<uint64_t> parse_size(std::string_view text);
std::string format_size(uint64_t bytes);

}  // namespace viaduct
