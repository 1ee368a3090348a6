// The render node of a DRM device.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace viaduct {

/// Opens the render node of the device that `device`, any of its nodes, belongs to. ENODEV: it has
/// none. May wake the GPU, and wait for that.
Result<UniqueFd> open_render_node(dev_t device);
/// The node at a path.
Result<UniqueFd> open_render_node(const char* path);

}  // namespace viaduct
