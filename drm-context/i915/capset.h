// The i915 member of the capability set.
#pragma once

#include "base/result.h"
#include "drm-context/device/device.h"
#include "wire/capset.h"

namespace viaduct::i915 {

/// From this the guest's Mesa derives the whole description of the GPU. EINVAL: not a PCI device.
Status fill_capset(Device& device, wire::CapsetDrm& capset);

}  // namespace viaduct::i915
