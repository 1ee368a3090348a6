// The fence board in its shared segment. Private to simgpu/shared.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace simgpu::shared {

inline constexpr size_t kPostBuckets = 512;    // by buffer
inline constexpr size_t kPostsPerBucket = 16;  // timelines that use the buffers of one bucket

/// The unfinished work of one timeline on one buffer.
struct PostPlace {
    uint32_t owner;       // seat + 1; 0: free
    uint32_t generation;  // grows whenever the place becomes free
    uint64_t device;
    uint64_t inode;
    uint64_t posted;
    uint64_t finished;
    uint32_t writes;
    uint32_t pad;
};

struct PostTable {
    std::atomic<uint32_t> events;   // futex word: grows when work has finished
    std::atomic<uint32_t> waiters;  // threads that wait for that
    std::array<PostPlace, kPostBuckets * kPostsPerBucket> places;
};

}  // namespace simgpu::shared
