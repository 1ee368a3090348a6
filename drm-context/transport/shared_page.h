// The memory that front and worker share: ring positions, fence counts, and the ring's bytes.
#pragma once

#include <atomic>
#include <cstdint>

namespace viaduct::transport {

/// One internal ring index per fence ring of the protocol.
inline constexpr uint32_t kFenceRings = 64;

/// Written by one side each, read by the other. The front must survive any value in what the
/// worker writes: a guest may have taken the worker over.
struct SharedPage {
    // The front's.
    alignas(64) std::atomic<uint64_t> head;         // bytes ever written to the ring
    alignas(64) std::atomic<uint32_t> front_waits;  // wants a notification when there is room
    std::atomic<uint32_t> front_listens;            // wants a notification when there is an answer
    std::atomic<uint32_t> abandoned;                // end at once, nobody listens
    std::atomic<uint32_t> quit;                     // finish what is in the ring, then end
    // The worker's.
    alignas(64) std::atomic<uint64_t> tail;  // bytes ever consumed
    std::atomic<uint32_t> worker_sleeps;     // wants the doorbell
    std::atomic<uint32_t> exited;            // will touch nothing any more
    std::atomic<uint32_t> asks_for_kill;     // has work in the kernel that only SIGKILL throws away
    // CLOCK_MONOTONIC in ns; 0: not at present.
    std::atomic<int64_t> in_kernel_since;   // within a call into the kernel's driver
    std::atomic<int64_t> awaits_gpu_since;  // holds submissions until work is done; last news of it
    alignas(64) std::atomic<uint64_t> retired[kFenceRings];  // fences retired, per ring
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(std::atomic<int64_t>::is_always_lock_free);

/// The ring's bytes begin here in the shared memory.
inline constexpr uint64_t kRingOffset = (sizeof(SharedPage) + 63) / 64 * 64;

}  // namespace viaduct::transport
