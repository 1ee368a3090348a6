// DRM synchronisation objects, binary and timeline (kernel: drivers/gpu/drm/drm_syncobj.c).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "simgpu/drm/fence.h"

namespace simgpu::drm {

class Syncobj;
using SyncobjPtr = std::shared_ptr<Syncobj>;

/// The syncobj handles of one open DRM file. Thread-safe.
class SyncobjTable {
  public:
    /// Executes one DRM_IOCTL_SYNCOBJ_* (number `nr`, argument already copied to at least the
    /// size of the kernel's struct). 0 or a negative errno; -ENOTTY if `nr` is none of them.
    int ioctl(unsigned nr, void* argument);

    /// The fence to wait for before work that names (handle, point); point 0: binary. Null with
    /// -ENOENT/-EINVAL in `*error` if there is no such object or fence.
    FencePtr find_fence(uint32_t handle, uint64_t point, int* error);
    /// Makes `fence` the payload of the object (point 0), or adds a timeline point. False if
    /// there is no such handle.
    bool attach_fence(uint32_t handle, uint64_t point, FencePtr fence);
    /// Binary reset. False if there is no such handle.
    bool reset(uint32_t handle);

  private:
    SyncobjPtr find(uint32_t handle);

    std::mutex mutex_;
    uint32_t next_handle_ = 1;
    std::map<uint32_t, SyncobjPtr> objects_;
};

/// True if ioctl number `nr` (DRM base 'd') is one of DRM_IOCTL_SYNCOBJ_*.
bool is_syncobj_ioctl(unsigned nr);

}  // namespace simgpu::drm
