// A real render node of the host's kernel.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// Takes an open DRM descriptor (any driver). ENODEV if it is none.
Result<std::unique_ptr<Device>> open_render_node(UniqueFd fd);

}  // namespace viaduct
