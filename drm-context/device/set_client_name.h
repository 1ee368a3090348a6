// DRM_IOCTL_SET_CLIENT_NAME of Linux 6.13 <drm/drm.h>, which is newer than some headers we build
// with.
#pragma once

#include <drm.h>

#include <cstdint>

namespace viaduct {

struct DrmSetClientName {
    uint64_t name_len;  // bytes, without a NUL
    uint64_t name;      // user pointer
};
inline constexpr unsigned long kSetClientName = DRM_IOWR(0xD1, DrmSetClientName);

}  // namespace viaduct
