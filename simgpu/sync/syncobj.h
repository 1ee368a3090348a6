// DRM synchronisation objects, binary and timeline (kernel: drivers/gpu/drm/drm_syncobj.c).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "base/unique_fd.h"
#include "simgpu/sync/fence.h"

namespace simgpu::drm {

class Syncobj;
using SyncobjPtr = std::shared_ptr<Syncobj>;

/// The syncobj handles of one open DRM file. Thread-safe.
class SyncobjTable {
  public:
    /// Executes one DRM_IOCTL_SYNCOBJ_* (number `nr`, argument already copied to at least
    /// syncobj_ioctl_size(nr) bytes, zero-extended). 0 or a negative errno; -ENOTTY if `nr` is
    /// none of them. Pointers inside the argument are the caller's own memory.
    int ioctl(unsigned nr, void* argument);

    /// The fence to wait for before work that names (handle, point); point 0: the whole payload.
    /// Null with -ENOENT (no such object) or -EINVAL (no fence there yet) in `*error`.
    FencePtr find_fence(uint32_t handle, uint64_t point, int* error);
    /// The same, but waits up to 5 s (the kernel's limit) for the fence to be submitted: -ETIME.
    FencePtr wait_for_fence(uint32_t handle, uint64_t point, int* error);
    /// Makes `fence` the payload of the object (point 0), or adds a timeline point. False if
    /// the handle is unknown.
    bool attach_fence(uint32_t handle, uint64_t point, FencePtr fence);
    /// Binary reset. False if the handle is unknown.
    bool reset(uint32_t handle);
    bool contains(uint32_t handle) { return find(handle) != nullptr; }
    /// A new object with `fence` (may be null) as its payload.
    uint32_t create(FencePtr fence);

  private:
    friend class SyncobjIoctls;

    SyncobjPtr find(uint32_t handle);
    uint32_t insert(SyncobjPtr object);
    bool erase(uint32_t handle);

    viaduct::Mutex mutex_;
    uint32_t next_handle_ VIADUCT_GUARDED_BY(mutex_) = 1;
    std::map<uint32_t, SyncobjPtr> objects_ VIADUCT_GUARDED_BY(mutex_);
};

/// True if ioctl number `nr` (DRM base 'd') is one of DRM_IOCTL_SYNCOBJ_*.
bool is_syncobj_ioctl(unsigned nr);
/// Bytes of the newest kernel's argument for `nr`; 0 if it is not a syncobj ioctl.
size_t syncobj_ioctl_size(unsigned nr);
/// "SYNCOBJ_CREATE", ...; null if `nr` is not a syncobj ioctl.
const char* syncobj_ioctl_name(unsigned nr);

/// An object with `fence` (may be null) as its payload.
SyncobjPtr make_syncobj(FencePtr fence);
/// A descriptor that stands for the object (DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD without flags). It can
/// be imported by any file of this process; another process that receives it cannot, for an object
/// is shared state that lives here: use sync files between processes.
viaduct::UniqueFd export_syncobj(const SyncobjPtr& object);
/// Null if `fd` is not such a descriptor, or another process made it.
SyncobjPtr import_syncobj(int fd);

}  // namespace simgpu::drm
