// The table of buffers in the shared segment: whose they are, where they are, when they were used.
// Private to simgpu/shared.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace simgpu::shared {

/// Buffers of all processes that can be moved; those beyond are booked and stay where they are.
inline constexpr size_t kResidents = 16384;

/// One buffer, or the uses that a group of buffers has in common.
struct Resident {
    uint32_t owner;     // seat + 1; 0: free
    uint32_t place;     // Residence::Place
    uint32_t group;     // the entry that has its uses: itself, or the group's
    uint32_t discards;  // its content need not be kept
    uint32_t is_away;   // counted in the group's `away`
    uint32_t pad;
    uint64_t size;                   // bytes
    uint64_t visible;                // of these, in the part of VRAM that the CPU reaches
    std::atomic<uint64_t> last_use;  // a ticket of ResidentTable::clock
    std::atomic<uint32_t> pending;   // jobs that use it
    std::atomic<uint32_t> away;      // of a group: buffers that a job would have to move
};

struct ResidentTable {
    std::atomic<uint64_t> clock;
    std::atomic<uint32_t> events;   // futex word: grows when a buffer has become idle or gone
    std::atomic<uint32_t> waiters;  // threads that wait for that
    uint32_t used;                  // entries from here on have never been taken
    uint32_t pad;
    std::atomic<uint64_t> evictions;
    std::atomic<uint64_t> bytes_moved;
    std::atomic<uint64_t> cpu_faults;
    std::array<Resident, kResidents> entries;
};

}  // namespace simgpu::shared
