// The account of one VM, in memory that its VMM and the workers of its contexts share.
//
// A worker can write to its own slot and to the token buckets; the rest it can only read. Readers
// must survive any value there: a guest may have taken a worker over (account/belief.h). What the
// VMM decides by it keeps to itself (VmAccount); the roster is a copy for the workers.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "drm-context/account/limits.h"

namespace viaduct::account {

/// Contexts of one VM at the same time.
inline constexpr uint32_t kSlots = 1024;
/// More commands than any driver's table has, and the rings of the protocol.
inline constexpr uint32_t kMaxCommands = 32;
inline constexpr uint32_t kMaxRings = 64;
/// Bucket i counts what took less than 2^i microseconds; the last one all the rest.
inline constexpr uint32_t kLatencyBuckets = 28;

/// Parts that different processes may write are apart by the largest page there is (arm64: 64 KiB).
inline constexpr size_t kPartBytes = 64 << 10;

/// Fills a part. Not by `alignas`: a process that maps one part alone gets it at any page boundary.
template <class Contents>
struct Part : Contents {
    std::array<std::byte, kPartBytes - sizeof(Contents)> rest;
};

struct RosterContents {
    std::array<std::atomic<uint64_t>, kSlots / 64> taken;  // a bit per slot that was given out
    std::atomic<uint64_t> host_bytes;  // of the VMM's memory, held for the guest
};

/// Written by the VMM only.
using Roster = Part<RosterContents>;

/// Tokens are nanoseconds of GPU time, negative when used up; time is CLOCK_MONOTONIC.
struct TokenBucket {
    std::atomic<int64_t> tokens;
    std::atomic<int64_t> refilled_ns;  // 0: never used
};

struct SharesContents {
    std::array<TokenBucket, kQueueClasses> buckets;
};

/// Written by all workers.
using Shares = Part<SharesContents>;

/// A context's share of the GPU's memory.
struct Charge {
    std::atomic<uint64_t> local;   // bytes in the GPU's own memory
    std::atomic<uint64_t> system;  // bytes of the host's memory
    std::atomic<uint32_t> buffers;
    uint32_t pad;
};

struct RingCounters {
    std::atomic<uint64_t> submissions;
    std::atomic<uint64_t> completed;   // submissions known to be done
    std::atomic<uint64_t> latency_ns;  // of all that completed, from submission on
    std::atomic<uint32_t> queue_class;
    std::atomic<uint32_t> index;  // within the class
    std::array<std::atomic<uint64_t>, kLatencyBuckets> latency;
};

/// For readers of the metrics.
struct ContextCounters {
    std::atomic<uint32_t> rings;  // numbers of GPU timelines are below this
    std::atomic<uint64_t> bytes;  // of commands
    std::array<std::atomic<uint64_t>, kMaxCommands> commands;  // by the wire's number
    std::atomic<uint64_t> unknown_commands;
    std::atomic<uint64_t> errors;        // commands refused or failed
    std::atomic<uint64_t> refusals;      // of them: over a budget
    std::atomic<uint64_t> resets;        // of the GPU that cost a GPU context
    std::atomic<uint64_t> other_resets;  // of the GPU that did not: other work's
    std::atomic<uint64_t> held_ns;       // submissions held back for the share of GPU time
    std::array<std::atomic<uint64_t>, kQueueClasses> busy_ns;
    std::array<RingCounters, kMaxRings> ring;  // by number
};

struct SlotContents {
    Charge charge;
    std::array<std::atomic<int64_t>, kMaxRings> finished_ns;  // newest job's end, by ring
    ContextCounters counters;
};

/// Written by the slot's worker; cleared by the VMM.
using Slot = Part<SlotContents>;

/// Mostly never touched, and then no memory.
struct Books {
    Roster roster;
    Shares shares;
    std::array<Slot, kSlots> slots;
};

/// Offsets for those who map one part.
inline constexpr size_t kSharesAt = sizeof(Roster);
constexpr size_t slot_at(uint32_t index) {
    return sizeof(Roster) + sizeof(Shares) + index * sizeof(Slot);
}
static_assert(alignof(Books) == alignof(uint64_t));
static_assert(sizeof(Roster) == kPartBytes && sizeof(Shares) == kPartBytes);
static_assert(sizeof(Slot) == kPartBytes && sizeof(Books) == slot_at(kSlots));
static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(std::atomic<int64_t>::is_always_lock_free);

}  // namespace viaduct::account
