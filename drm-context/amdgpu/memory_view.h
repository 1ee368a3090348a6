// The GPU's memory as a guest sees it.
#pragma once

#include <amdgpu_drm.h>

#include "drm-context/account/context_account.h"

namespace viaduct::amdgpu {

/// Replaces the whole machine's use of the heaps by the VM's own, and reduces their sizes so that
/// together they have the size of the limit, if there is one.
void show_own_memory(const ContextAccount& account, drm_amdgpu_memory_info& memory);

}  // namespace viaduct::amdgpu
