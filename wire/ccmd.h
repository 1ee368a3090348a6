// Wire format of the commands (ccmds) of all native contexts: control buffer, request and response
// headers. Layouts only, no logic; little-endian; both sides include this file.
// Offsets: virtio-gpu DRM native-context protocol, as in Mesa's src/virtio/vdrm.
#pragma once

#include <cstddef>
#include <cstdint>

namespace viaduct::wire {

/// Head of the control buffer ("shmem", blob_id 0). Driver fields follow, then GuestRing and
/// FinishedWork where the host has them; the response area starts at rsp_mem_offset.
struct ShmemHeader {
    uint32_t seqno;
    uint32_t rsp_mem_offset;
};
static_assert(sizeof(ShmemHeader) == 8);

/// Directly before the response area: how far the GPU is, for a guest that would have to sleep
/// until its kernel hears of a fence. Viaduct's own addition, for all drivers.
struct FinishedWork {
    static constexpr uint64_t kMark = 0x6b72'6f77'6e69'6601;  // no host has such a field by chance
    uint64_t mark;  // kMark: the host keeps the numbers below up to date
    // By ring, numbers of requests, modulo 2^32; those of a ring without work stay behind.
    /// All work that requests up to this one gave to the ring has ended, and its fences retire.
    uint32_t requests[64];
    /// The guest's: it looks for the end of requests up to this one here. The host may report their
    /// fences several at once, late by kLongestDelay, or until its next request has run. 0: it does
    /// not look.
    uint32_t looked_for[64];
    static constexpr uint32_t kLongestDelay = 1'000'000;  // ns
};
static_assert(sizeof(FinishedWork) == 520);

/// Directly before FinishedWork: requests that do not pass the monitor. The guest writes them into
/// the last kBytes of the control buffer, which the host reads while it is awake; so does Venus.
/// Viaduct's own addition, for all drivers.
///
/// A buffer of requests, as EXECBUFFER has it, begins at a multiple of 8 with its length and the
/// number of the request that the host is to have taken before (uint32_t both). It goes on at the
/// ring's beginning when it reaches the end.
///
/// That number is of the last request that went through the monitor, which may still be on its way.
/// A guest that has had resources created since then writes here only once the host has run that
/// request, and knows them: `blobs` tells of those that were created, and a request that came
/// through the monitor later, of all. The host takes what is here before it takes what came through
/// the monitor later. No fence comes of it: one that is asked for through the monitor, on the ring
/// that was submitted to, stands for all that was submitted before, and for what the host finds
/// here when it gets there: behind a request whose fence somebody may wait for, a guest writes here
/// only once the host has run that.
struct GuestRing {
    static constexpr uint64_t kMark = 0x676e'6972'7473'6702;  // no host has such a field by chance
    static constexpr uint32_t kBytes = 0x8000;
    static constexpr uint32_t kLargest = kBytes / 2;  // bytes of a buffer of requests
    uint64_t mark;  // kMark: the host looks at `head`, if the control buffer has room for the ring
    uint32_t head;  // the guest's: bytes ever written, modulo 2^32
    uint32_t tail;  // the host's: bytes it has taken
    /// The host's: odd: it looks at `head` before it sleeps. It counts up with each change, so that
    /// a guest that has had it woken knows whether it has slept since. kGone: never again.
    static constexpr uint32_t kGone = UINT32_MAX - 1;
    uint32_t awake;
    uint32_t used;   // the guest's: 1: it would write here if the host were awake
    uint32_t blobs;  // the host's: how many it was asked to create, and has or has refused
    uint32_t pad;
};
static_assert(sizeof(GuestRing) == 32);

/// The least that Viaduct's host has in front of the responses: bytes.
inline constexpr uint32_t kLeastAreaOffset =
    sizeof(ShmemHeader) + sizeof(GuestRing) + sizeof(FinishedWork);

struct RequestHeader {
    uint32_t cmd;
    uint32_t len;  // bytes, this header included
    uint32_t seqno;
    uint32_t rsp_off;  // into the response area
};
static_assert(sizeof(RequestHeader) == 16);

/// Every response begins with its length, preset by the guest to the room it reserved.
struct ResponseHeader {
    uint32_t len;
};
static_assert(sizeof(ResponseHeader) == 4);

/// Answers a command that makes a buffer if its rsp_off is not 0: Viaduct's own addition, for all
/// drivers. A host without it leaves `len` as it was preset: preset it to more than this.
struct CreationResponse {
    ResponseHeader hdr;
    int32_t ret;  // 0 or a negative errno
};
static_assert(sizeof(CreationResponse) == 8);

}  // namespace viaduct::wire
