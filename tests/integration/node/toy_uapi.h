// The toy device's ioctls.
#pragma once

#include <drm.h>

#include <cstdint>

struct toy_state {
    uint32_t calls;       // on this open file, this one included
    uint32_t live_files;  // in this process
    uint32_t primary;     // 1: opened as card<N>
    uint32_t flushes;     // of this open file
};

#define TOY_IOCTL_STATE DRM_IOWR(DRM_COMMAND_BASE + 0, toy_state)
#define TOY_IOCTL_FAIL DRM_IO(DRM_COMMAND_BASE + 1)

inline constexpr uint64_t TOY_MAP_OFFSET = 0x100000000;
inline constexpr uint64_t TOY_MAP_SIZE = 3 * 4096;
