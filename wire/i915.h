// Wire format of the i915 native context (context type 3). Layouts only, no logic.
// Numbers inside the structures are those of the kernel's <drm/i915_drm.h>.
#pragma once

#include "wire/capset.h"
#include "wire/ccmd.h"

namespace viaduct::wire::i915 {

inline constexpr uint32_t kWireFormatVersion = 1;

enum class Command : uint32_t {
    kIoctlSimple = 1,
    kGetParam = 2,
    kQueryParam = 3,
    kGemCreate = 4,
    kGemCreateExt = 5,
    kGemContextCreate = 6,
    kGemExecbuffer2 = 7,
    kGemSetMmapMode = 8,
    kGemBusy = 9,
};

/// Requests and their rsp_off are multiples of this.
inline constexpr uint32_t kAlignment = 4;
/// Most bytes of an ioctl's argument in kIoctlSimple, and of a parameter's data in
/// kGemContextCreate.
inline constexpr uint32_t kMaxArgument = 128;
/// A submission's ring: the engine's index, from the low bits of the flags, + 1.
inline constexpr uint32_t kRingMask = 0x3f;
inline constexpr uint32_t kFirstRing = 1;

struct Shmem {
    ShmemHeader base;
    uint64_t banned_ctx_mask;  // bit n: GEM context n, below 64
};
static_assert(sizeof(Shmem) == 16);

/// The member of the capability set.
struct Capset {
    uint32_t pci_bus;
    uint32_t pci_dev;
    uint32_t pci_func;
    uint32_t pci_revision_id;
    uint32_t pci_domain;
    uint32_t pci_device_id;
};
static_assert(sizeof(Capset) == 24);

/// The argument follows, _IOC_SIZE(cmd) bytes of it.
struct IoctlSimpleRequest {
    RequestHeader hdr;
    uint32_t cmd;  // the whole request word
    uint32_t pad;
};
static_assert(sizeof(IoctlSimpleRequest) == 24);

/// The argument follows. Only where the kernel writes to it: others get no response.
struct IoctlSimpleResponse {
    ResponseHeader hdr;
    int32_t ret;  // 0 or a positive errno, as in all responses here
};
static_assert(sizeof(IoctlSimpleResponse) == 8);

struct GetParamRequest {
    RequestHeader hdr;
    uint32_t param;
    uint32_t value;  // ignored
};
static_assert(sizeof(GetParamRequest) == 24);

struct GetParamResponse {
    ResponseHeader hdr;
    uint32_t pad;
    int32_t ret;
    uint32_t value;  // all ones on failure
};
static_assert(sizeof(GetParamResponse) == 16);

struct QueryParamRequest {
    RequestHeader hdr;
    uint32_t query_id;
    uint32_t length;  // 0: asks for it
    uint32_t flags;
    uint32_t pad;
};
static_assert(sizeof(QueryParamRequest) == 32);

/// The kernel's answer follows, in as many bytes as the request's `length`.
struct QueryParamResponse {
    ResponseHeader hdr;
    uint32_t pad;
    int32_t ret;
    int32_t length;  // of the answer, or a negative errno
};
static_assert(sizeof(QueryParamResponse) == 16);

struct GemCreateRequest {
    RequestHeader hdr;
    uint64_t size;
    uint32_t blob_id;
    uint32_t pad;
};
static_assert(sizeof(GemCreateRequest) == 32);

/// Extensions follow, packed, each as the kernel has it; regions lie behind theirs.
struct GemCreateExtRequest {
    RequestHeader hdr;
    uint64_t size;
    uint32_t blob_id;
    uint32_t gem_flags;
    uint32_t ext_size;  // bytes
    uint32_t pad;
};
static_assert(sizeof(GemCreateExtRequest) == 40);

/// Parameters follow: drm_i915_gem_context_create_ext_setparam, each with param.size bytes of data
/// behind it.
struct GemContextCreateRequest {
    RequestHeader hdr;
    uint32_t flags;
    uint32_t params_size;  // bytes
};
static_assert(sizeof(GemContextCreateRequest) == 24);

struct GemContextCreateResponse {
    ResponseHeader hdr;
    uint32_t pad;
    int32_t ret;
    uint32_t ctx_id;
};
static_assert(sizeof(GemContextCreateResponse) == 16);

/// drm_i915_gem_exec_object2 follows, buffer_count of them, then drm_i915_gem_relocation_entry,
/// relocs_count. Handles are resource ids.
struct GemExecbuffer2Request {
    RequestHeader hdr;
    uint64_t flags;
    uint64_t context_id;
    uint32_t buffer_count;
    uint32_t batch_start_offset;
    uint32_t batch_len;
    uint32_t relocs_count;
};
static_assert(sizeof(GemExecbuffer2Request) == 48);
static_assert(offsetof(GemExecbuffer2Request, flags) == 16);

struct GemExecbuffer2Response {
    ResponseHeader hdr;
    int32_t ret;
};
static_assert(sizeof(GemExecbuffer2Response) == 8);

struct GemSetMmapModeRequest {
    RequestHeader hdr;
    uint32_t res_id;
    uint32_t flags;  // I915_MMAP_OFFSET_*
};
static_assert(sizeof(GemSetMmapModeRequest) == 24);

struct GemBusyRequest {
    RequestHeader hdr;
    uint32_t res_id;
    uint32_t pad;
};
static_assert(sizeof(GemBusyRequest) == 24);

struct GemBusyResponse {
    ResponseHeader hdr;
    uint32_t pad;
    int32_t ret;
    int32_t busy;  // as GEM_BUSY of the kernel answers
};
static_assert(sizeof(GemBusyResponse) == 16);

}  // namespace viaduct::wire::i915
