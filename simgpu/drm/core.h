// The DRM core's ioctls (Linux: drm_ioctl.c, drm_gem.c, drm_prime.c), syncobjs apart.
#pragma once

#include <span>

#include "simgpu/drm/open_file.h"

namespace simgpu::drm {

std::span<const IoctlEntry> core_ioctls();

/// For the DRM master only, and a render node never is: -EACCES.
int refuse_without_master(OpenFile& file, void* argument);

}  // namespace simgpu::drm
