// The GPU's memory as a guest with a budget sees it.
#pragma once

#include <amdgpu_drm.h>

#include "drm-context/account/context_account.h"

namespace viaduct::amdgpu {

/// Cuts the heaps so that together they have the limit's size, and puts what the VM uses of them
/// in the place of what all of the machine uses. Without a limit nothing changes.
void limit_memory(const ContextAccount& account, drm_amdgpu_memory_info& memory);

}  // namespace viaduct::amdgpu
