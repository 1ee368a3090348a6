// The identity that drivers are shown for a render node's device.
#pragma once

#include <optional>

#include "guest-mesa/layer/guest_driver.h"

namespace viaduct::guest {

/// The identity of the host's GPU, if this render node offers a native context that we play.
std::optional<PciIdentity> native_identity(const char* render_node);

}  // namespace viaduct::guest
