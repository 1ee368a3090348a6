// The real Descriptors.
#pragma once

#include "guest-mesa/layer/registry.h"

namespace viaduct::guest {

/// The process's own, through next_libc(). Never destroyed.
Descriptors& system_descriptors();

}  // namespace viaduct::guest
