// State shared by the exported functions.
#pragma once

namespace viaduct::guest {

/// False with VIADUCT_GUEST=off: then every function passes through. Read once.
bool layer_enabled();

}  // namespace viaduct::guest
