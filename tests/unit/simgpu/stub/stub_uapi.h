// The ioctls of the stub driver.
#pragma once

#include <drm.h>

#include <cstdint>

namespace simgpu::stub {

/// A buffer of `size` bytes: its handle, and where to map it.
struct Create {
    uint64_t size;
    uint64_t mmap_offset;
    uint32_t handle;
    uint32_t pad;
};
/// The whole buffer at a GPU address.
struct Bind {
    uint64_t va;
    uint32_t handle;
    uint32_t pad;
};
/// Commands, and the syncobj that gets their fence.
struct Submit {
    uint64_t va;
    uint32_t bytes;
    uint32_t syncobj;
};

inline constexpr unsigned long kIoctlCreate = DRM_IOWR(DRM_COMMAND_BASE + 0, Create);
inline constexpr unsigned long kIoctlBind = DRM_IOW(DRM_COMMAND_BASE + 1, Bind);
inline constexpr unsigned long kIoctlSubmit = DRM_IOW(DRM_COMMAND_BASE + 2, Submit);

/// The one packet: this, an address (low, high) and the dword to store there.
inline constexpr uint32_t kStore = 0x57;

inline constexpr uint16_t kVendor = 0x5709, kDevice = 0x0001;

}  // namespace simgpu::stub
