// The DRM user interface as the simulated device plays it: libdrm's headers, completed with what
// newer kernels have added since libdrm 2.4.114 (the oldest we build with).
#pragma once

#include <drm.h>

#include <cstddef>
#include <cstdint>

namespace simgpu::drm {

// Linux 6.6 include/uapi/drm/drm.h: DRM_SYNCOBJ_WAIT_FLAGS_WAIT_DEADLINE.
inline constexpr uint32_t kSyncobjWaitDeadline = 1u << 3;
// Linux 6.16: HANDLE_TO_FD and FD_TO_HANDLE of one timeline point (with the sync file flag).
inline constexpr uint32_t kSyncobjFdTimeline = 1u << 1;

/// struct drm_syncobj_handle since Linux 6.16 (16 bytes, without `point`, before).
struct SyncobjHandleArgs {
    uint32_t handle;
    uint32_t flags;
    int32_t fd;
    uint32_t pad;
    uint64_t point;
};
static_assert(sizeof(SyncobjHandleArgs) == 24);
static_assert(offsetof(SyncobjHandleArgs, point) == sizeof(drm_syncobj_handle));

/// struct drm_syncobj_wait since Linux 6.6 (32 bytes, without `deadline_nsec`, before).
struct SyncobjWaitArgs {
    uint64_t handles;
    int64_t timeout_nsec;
    uint32_t count_handles;
    uint32_t flags;
    uint32_t first_signaled;
    uint32_t pad;
    uint64_t deadline_nsec;
};
static_assert(sizeof(SyncobjWaitArgs) == 40);
static_assert(offsetof(SyncobjWaitArgs, first_signaled) == 24);

/// struct drm_syncobj_timeline_wait since Linux 6.6 (40 bytes before).
struct SyncobjTimelineWaitArgs {
    uint64_t handles;
    uint64_t points;
    int64_t timeout_nsec;
    uint32_t count_handles;
    uint32_t flags;
    uint32_t first_signaled;
    uint32_t pad;
    uint64_t deadline_nsec;
};
static_assert(sizeof(SyncobjTimelineWaitArgs) == 48);

/// struct drm_syncobj_eventfd, Linux 6.6.
struct SyncobjEventfdArgs {
    uint32_t handle;
    uint32_t flags;
    uint64_t point;
    int32_t fd;
    uint32_t pad;
};
static_assert(sizeof(SyncobjEventfdArgs) == 24);

/// struct drm_set_client_name, Linux 6.13.
struct SetClientNameArgs {
    uint64_t name_len;
    uint64_t name;
};
static_assert(sizeof(SetClientNameArgs) == 16);

/// Numbers (DRM base 'd') of the core's ioctls. <drm/drm.h> has most of them as whole requests.
namespace nr {
inline constexpr unsigned kVersion = 0x00;
inline constexpr unsigned kGetUnique = 0x01;
inline constexpr unsigned kGetMagic = 0x02;
inline constexpr unsigned kGetClient = 0x05;
inline constexpr unsigned kSetVersion = 0x07;
inline constexpr unsigned kGemClose = 0x09;
inline constexpr unsigned kGetCap = 0x0c;
inline constexpr unsigned kSetClientCap = 0x0d;
inline constexpr unsigned kAuthMagic = 0x11;
inline constexpr unsigned kPrimeHandleToFd = 0x2d;
inline constexpr unsigned kPrimeFdToHandle = 0x2e;
inline constexpr unsigned kSyncobjCreate = 0xbf;
inline constexpr unsigned kSyncobjDestroy = 0xc0;
inline constexpr unsigned kSyncobjHandleToFd = 0xc1;
inline constexpr unsigned kSyncobjFdToHandle = 0xc2;
inline constexpr unsigned kSyncobjWait = 0xc3;
inline constexpr unsigned kSyncobjReset = 0xc4;
inline constexpr unsigned kSyncobjSignal = 0xc5;
inline constexpr unsigned kSyncobjTimelineWait = 0xca;
inline constexpr unsigned kSyncobjQuery = 0xcb;
inline constexpr unsigned kSyncobjTransfer = 0xcc;
inline constexpr unsigned kSyncobjTimelineSignal = 0xcd;
inline constexpr unsigned kSyncobjEventfd = 0xcf;
inline constexpr unsigned kSetClientName = 0xd1;
inline constexpr unsigned kDriverBase = 0x40;  // DRM_COMMAND_BASE
}  // namespace nr

}  // namespace simgpu::drm
