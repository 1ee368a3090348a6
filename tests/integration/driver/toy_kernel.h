// The toy driver's kernel: a Device of its own, which open_device() opens here for any name.
#pragma once

#include <drm.h>

#include <array>
#include <cstdint>

namespace viaduct::test::toy {

/// Arguments of the simple ioctls.
struct Pair {
    uint64_t in;
    uint64_t out;
};
struct One {
    uint64_t value;
};

struct GetParam {
    uint32_t param;
    uint32_t value;
};
struct Create {
    uint64_t size;
    uint32_t handle;
    uint32_t pad;
};
struct Exec {
    uint32_t context;  // or queue
    uint32_t hangs;
    uint32_t in_syncobjs[2];  // 0: none
    uint32_t out_syncobj;
    uint32_t pad;
};
struct Madvise {
    uint32_t handle;
    uint32_t advice;
    uint32_t retained;
    uint32_t pad;
};
struct MmapOffset {
    uint64_t offset;
    uint32_t handle;
    uint32_t pad;
};

constexpr uint32_t returns(uint32_t nr) {
    return static_cast<uint32_t>(DRM_IOWR(DRM_COMMAND_BASE + nr, Pair));
}
constexpr uint32_t takes(uint32_t nr) {
    return static_cast<uint32_t>(DRM_IOW(DRM_COMMAND_BASE + nr, One));
}

// Twice `in` comes back; what a taking one took is counted.
inline constexpr uint32_t kTwice0 = returns(0), kTwice1 = returns(1), kTwice2 = returns(2),
                          kTwice3 = returns(3), kTwice4 = returns(4), kTaken0 = takes(8),
                          kTaken1 = takes(9), kTaken2 = takes(10), kTaken3 = takes(11);
inline constexpr uint32_t kQueueNew = returns(5);       // of engine `in` - 1
inline constexpr uint32_t kQueueClose = takes(12);      // by its id
inline constexpr uint32_t kContextDestroy = takes(13);  // by its id

inline constexpr uint32_t kGetParam = static_cast<uint32_t>(DRM_IOWR(0x60, GetParam));
inline constexpr uint32_t kGemCreate = static_cast<uint32_t>(DRM_IOWR(0x61, Create));
inline constexpr uint32_t kContextCreate = static_cast<uint32_t>(DRM_IOWR(0x62, One));
inline constexpr uint32_t kExec = static_cast<uint32_t>(DRM_IOW(0x63, Exec));
inline constexpr uint32_t kMadvise = static_cast<uint32_t>(DRM_IOWR(0x64, Madvise));
inline constexpr uint32_t kMmapOffset = static_cast<uint32_t>(DRM_IOWR(0x65, MmapOffset));

/// The parameters that exist: kTaken has how often the four kTaken ioctls were made.
inline constexpr uint32_t kParamAnswer = 1, kParamTaken = 2;
inline constexpr uint32_t kAnswer = 42;

/// Between the two, jobs do not end. Of this process: for workers that are threads.
void hold_jobs();
void release_jobs();
/// Since they are held.
uint32_t jobs_begun();

}  // namespace viaduct::test::toy
