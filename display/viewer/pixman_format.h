// The formats of QEMU's pictures in memory, which it names as the library pixman does.
#pragma once

#include <cstdint>

namespace viaduct::viewer {

/// DRM_FORMAT_* (drm_fourcc.h) of a pixman_format_code_t. 0: none that can be shown.
uint32_t fourcc_of_pixman(uint32_t format);

}  // namespace viaduct::viewer
