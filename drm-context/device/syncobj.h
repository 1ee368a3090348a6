// Syncobjs of an open DRM file: the ioctls that every driver has in common (<drm/drm.h>).
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/device/device.h"

namespace viaduct {

/// A new syncobj's handle, never 0. `flags`: DRM_SYNCOBJ_CREATE_*. The file owns it.
Result<uint32_t> create_syncobj(Device& device, uint32_t flags = 0);
void destroy_syncobj(Device& device, uint32_t handle);

/// Makes a sync file of the fence that the syncobj holds now. 0, or a negative errno: -EINVAL if it
/// holds none, -EMFILE if no descriptor is left. On the way of each fence: no error is formatted.
int export_sync_file(Device& device, uint32_t handle, UniqueFd& sync_file);
/// Puts the fence of a sync file into the syncobj. EINVAL: `sync_file` is not a sync file.
Status import_sync_file(Device& device, uint32_t handle, const UniqueFd& sync_file);

/// Whether a sync file (of any device) has signalled, well or not. Does not wait.
bool has_signalled(int sync_file);
/// False while the syncobj holds a fence that has not signalled. Does not wait.
bool has_signalled(Device& device, uint32_t handle);

}  // namespace viaduct
