// The layout of the shared segment. Private to simgpu/shared.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "simgpu/shared/device.h"

namespace simgpu::shared {

inline constexpr uint32_t kLayoutVersion = 1;  // part of the file's name: change it with the layout
inline constexpr uint32_t kMagic = 0x55504756;
inline constexpr uint32_t kNobody = UINT32_MAX;
inline constexpr size_t kSeats = 128;    // processes at once
inline constexpr size_t kRings = 16;     // more than any model has
inline constexpr size_t kWaiters = 256;  // threads that wait for one ring at once
inline constexpr size_t kRecords = 1024;

/// One process.
struct Seat {
    uint32_t taken;
    uint32_t pad;
    std::array<uint64_t, kHeaps> used;  // bytes
};

/// One thread that wants its turn on a ring.
struct Waiter {
    uint32_t seat;  // kNobody: free
    int32_t priority;
    uint64_t ticket;
};

struct Ring {
    std::atomic<uint32_t> events;  // futex word: grows whenever somebody should look again
    uint32_t owner;                // seat, or kNobody
    std::array<Waiter, kWaiters> waiters;
};

struct Record {
    uint32_t seat;  // kNobody: free
    uint32_t pad;
    uint64_t device;
    uint64_t inode;
    BufferRecord buffer;
};

struct Segment {
    std::atomic<uint32_t> magic;  // written last
    uint32_t pad;
    pthread_mutex_t mutex;  // robust, process-shared: guards all that is not atomic
    std::array<uint64_t, kHeaps> limits;
    uint64_t next_client;
    uint64_t next_ticket;
    std::atomic<uint64_t> resets;
    std::array<Seat, kSeats> seats;
    std::array<Ring, kRings> rings;
    std::array<Record, kRecords> records;
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace simgpu::shared
