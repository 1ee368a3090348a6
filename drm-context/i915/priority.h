// Priorities of GEM contexts, as far as a VM may have them.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "drm-context/account/limits.h"

namespace viaduct::i915 {

/// The priority to ask the kernel for, when a guest wants `wanted` (a signed number of 64 bits, as
/// all here). EPERM, as a kernel answers without CAP_SYS_NICE, which a VMM may well have: it is
/// above what this VM may have. What is normal is lowered without a word.
Result<uint64_t> permitted_priority(uint64_t wanted, PriorityCeiling ceiling);

}  // namespace viaduct::i915
