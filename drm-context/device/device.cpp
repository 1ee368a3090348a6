#include "drm-context/device/device.h"

#include <drm.h>

namespace viaduct {

Status Device::read_version() {
    char name[32] = {};
    drm_version version{};
    version.name = name;
    version.name_len = sizeof(name) - 1;
    const int error = ioctl(DRM_IOCTL_VERSION, &version);
    if (error < 0) return fail(ENODEV, "not a DRM device (DRM_IOCTL_VERSION: errno {})", -error);
    version_ = {name, static_cast<uint32_t>(version.version_major),
                static_cast<uint32_t>(version.version_minor),
                static_cast<uint32_t>(version.version_patchlevel)};
    return {};
}

}  // namespace viaduct
