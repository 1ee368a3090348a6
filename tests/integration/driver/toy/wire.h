// Wire format of the toy driver: what is awkward about the six protocols, in one. Layouts only.
#pragma once

#include "wire/ccmd.h"

namespace viaduct::wire::toy {

enum class Command : uint32_t {
    kNop = 1,          // makes no ioctl (msm: NOP)
    kIoctlSimple = 2,  // twelve ioctls (i915: IOCTL_SIMPLE)
    kGetParam = 3,     // answers at 8
    kGemCreate = 4,    // two commands that create (i915: GEM_CREATE, GEM_CREATE_EXT)
    kGemCreateExt = 5,
    kContextCreate = 6,
    kExecbuffer = 7,      // the ring is in some bits of a word (i915: GEM_EXECBUFFER2)
    kMadvise = 8,         // answers -1 (panfrost: MADVISE)
    kQueueSubmit = 9,     // the ring is the queue's (msm: GEM_SUBMIT)
    kCpuRingSubmit = 10,  // always on ring 0 (panfrost: SUBMIT)
    kCrash = 11,          // the worker ends
};

inline constexpr uint32_t kEngines = 4;  // rings 1 … kEngines
inline constexpr uint32_t kEngineMask = 0x3f;
inline constexpr uint64_t kHangs = 1 << 8;  // in ExecRequest::flags: the kernel bans the context

/// The driver's member of the capability set.
struct Capset {
    uint32_t engines;
};

struct Shmem {
    ShmemHeader base;
    uint64_t banned;  // bit n: GPU context n
};
static_assert(sizeof(Shmem) == 16);

/// The result at 4, of commands 2 and 7.
struct Response {
    ResponseHeader hdr;
    int32_t ret;
};
/// The result at 8, of commands 3, 6 and 8.
struct ValueResponse {
    ResponseHeader hdr;
    uint32_t pad;
    int32_t ret;
    uint32_t value;
};

/// Followed by the ioctl's argument. The response is a Response, followed by the argument if the
/// ioctl returns it.
struct SimpleRequest {
    RequestHeader hdr;
    uint32_t ioctl;
    uint32_t pad;
};
inline constexpr uint32_t kMaxArgument = 128;  // bytes

struct GetParamRequest {
    RequestHeader hdr;
    uint32_t param;
    uint32_t pad;
};
struct CreateRequest {
    RequestHeader hdr;
    uint64_t size;
    uint32_t blob_id;
    uint32_t pad;
};
struct ExecRequest {
    RequestHeader hdr;
    uint64_t flags;  // ring - 1, kHangs
    uint64_t context_id;
};
struct MadviseRequest {
    RequestHeader hdr;
    uint32_t res_id;
    uint32_t advice;
};
/// Of commands 9 and 10.
struct SubmitRequest {
    RequestHeader hdr;
    uint32_t pad;
    uint32_t queue;
};

}  // namespace viaduct::wire::toy
