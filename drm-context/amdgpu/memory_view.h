// The GPU's memory as a guest sees it.
#pragma once

#include <amdgpu_drm.h>

#include "drm-context/account/context_account.h"

namespace viaduct::amdgpu {

/// Puts what the VM uses of the heaps in the place of what all of the machine uses, and cuts them
/// so that together they have the limit's size, where there is a limit.
void show_own_memory(const ContextAccount& account, drm_amdgpu_memory_info& memory);

}  // namespace viaduct::amdgpu
