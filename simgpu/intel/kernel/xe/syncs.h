// Syncs: the array of struct drm_xe_sync that VM_BIND and EXEC take (Linux: xe_sync.c).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "simgpu/drm/open_file.h"
#include "uapi/xe.h"

namespace simgpu::intel::xe {

/// Which user fences an ioctl takes.
enum class UserFences {
    kGpu,   // EXEC: an address of the VM, which the GPU writes
    kCpu,   // VM_BIND: a pointer
    kNone,  // VM_BIND without binds
};

/// A value to write once the work is done.
struct UserFence {
    uint64_t addr = 0;
    uint64_t value = 0;
};

class Syncs {
  public:
    explicit Syncs(drm::OpenFile& file) : file_(file) {}

    /// Reads `count` entries, in order. 0, or the negative errno of the first bad one.
    int parse(uint64_t pointer, uint32_t count, UserFences user_fences);

    const std::vector<drm::FencePtr>& waits() const { return waits_; }
    const std::optional<UserFence>& user_fence() const { return user_fence_; }
    /// Gives `fence` to all syncobjs that are to signal. User fences are the caller's.
    void signal(const drm::FencePtr& fence) const;

  private:
    struct Point {
        uint32_t handle = 0;
        uint64_t value = 0;  // 0: binary
    };
    int parse_entry(const uapi::xe::Sync& sync, UserFences user_fences);
    int parse_syncobj(const uapi::xe::Sync& sync);
    int parse_user_fence(const uapi::xe::Sync& sync, UserFences user_fences);

    drm::OpenFile& file_;
    std::vector<drm::FencePtr> waits_;
    std::vector<Point> signals_;
    std::optional<UserFence> user_fence_;
    uint32_t user_fences_ = 0;
};

/// Signals when all have: one of them itself if there is no other, at once if there is none.
drm::FencePtr all_of(const std::vector<drm::FencePtr>& fences);

/// Writes a user fence of VM_BIND to this process's memory, if that is still there.
void write_user_fence(const UserFence& fence);

}  // namespace simgpu::intel::xe
