// The layout of the shared segment. Private to simgpu/shared.
#pragma once

#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "simgpu/shared/device.h"
#include "simgpu/shared/posts.h"
#include "simgpu/shared/residents.h"

namespace simgpu::shared {

inline constexpr uint32_t kLayoutVersion = 8;  // part of the file's name: change it with the layout
inline constexpr uint32_t kMagic = 0x55504756;
inline constexpr uint32_t kNobody = UINT32_MAX;
/// Holds the place of a hung job whose process has died.
inline constexpr uint32_t kOrphan = UINT32_MAX - 1;
inline constexpr size_t kSeats = 1024;   // processes at once
inline constexpr size_t kRings = 16;     // more than any model has
inline constexpr size_t kWaiters = 256;  // feeders that wait for one ring at once
inline constexpr size_t kRecords = 1024;

/// One process.
struct Seat {
    uint32_t taken;
    uint32_t watches_vram;  // how many watches clear its buffers when VRAM is lost ...
    uint32_t vram_losses;   // ... and have done so for that many losses
    uint32_t reserved;
    std::array<uint64_t, kHeaps> used;  // bytes
    /// Jobs submitted to each ring and not finished.
    std::array<std::atomic<uint32_t>, kRings> load;
};

/// A feeder whose best job wants a place.
struct Waiter {
    uint32_t seat;  // kNobody: free
    int32_t priority;
    uint64_t submitted_ns;
    uint64_t ticket;  // decides between equals
};

/// A job that was handed over to the hardware.
struct Place {
    uint32_t seat;  // kNobody: free; kOrphan
    uint32_t running;
    uint64_t order;          // the smallest on the ring executes
    uint64_t hung_until_ns;  // of a job that never ends: its time-out; else 0
    std::atomic<uint64_t> scheduled_ns;
    std::atomic<int32_t> error;  // negative errno once a recovery has cancelled the job
    std::atomic<bool> stop;      // set together with `error`
};

struct Ring {
    std::atomic<uint32_t> events;  // futex word: grows whenever somebody should look again
    std::atomic<uint32_t> resetting;
    std::array<Place, kPlaces> places;
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
    uint32_t recoverer;           // seat that recovers the device or a ring; kNobody
    pthread_mutex_t mutex;        // robust, process-shared: guards all that is not atomic
    std::array<uint64_t, kHeaps> limits;
    uint64_t next_client;
    uint64_t next_ticket;
    std::atomic<uint32_t> resets;
    std::atomic<uint32_t> vram_losses;  // futex word
    std::atomic<uint32_t> resetting;    // a full reset is under way
    std::atomic<uint32_t> pstate;       // AMDGPU_CTX_STABLE_PSTATE_*
    uint32_t pstate_seat;               // of the context that forced it; kNobody
    std::atomic<uint32_t> seats_used;   // seats from here on have never been taken
    uint64_t pstate_owner;
    uint64_t last_use;  // monotonic_ns(); while the device wakes up, when it will be awake
    std::array<Seat, kSeats> seats;
    std::array<Ring, kRings> rings;
    std::array<Record, kRecords> records;
    ResidentTable residents;
    PostTable posts;

    std::span<Seat> used_seats() { return std::span(seats).first(seats_used); }
};
static_assert(std::atomic<bool>::is_always_lock_free);
static_assert(std::atomic<uint32_t>::is_always_lock_free);
static_assert(std::atomic<uint64_t>::is_always_lock_free);

}  // namespace simgpu::shared
