// Wire format of the xe native context (context type 6), version 1. Layouts only, no logic. Numbers
// inside the structures are those of the kernel's <drm/xe_drm.h>. The protocol is not upstream yet:
// it is that of the patches at github.com/cmspam/xe-native-context-enablement.
#pragma once

#include "wire/ccmd.h"

namespace viaduct::wire::xe {

enum class Command : uint32_t {
    kNop = 0,  // never sent
    kDeviceQuery = 1,
    kGemCreate = 2,
    kVmCreate = 3,
    kVmDestroy = 4,
    kVmBind = 5,
    kExecQueueCreate = 6,
    kExecQueueDestroy = 7,
    kExec = 8,
};

inline constexpr uint32_t kWireFormatVersion = 1;
/// Requests and their rsp_off are multiples of this.
inline constexpr uint32_t kAlignment = 8;
/// Submissions of an exec queue go to the ring of its id and this number.
inline constexpr uint32_t kFirstQueueRing = 1;
/// Guests ask for 64 rings: a queue above this id could never submit.
inline constexpr uint32_t kLastQueue = 62;

/// The capability set's member, the same as i915's.
struct Capset {
    uint32_t pci_bus;
    uint32_t pci_dev;
    uint32_t pci_func;
    uint32_t pci_revision_id;
    uint32_t pci_domain;
    uint32_t pci_device_id;
};
static_assert(sizeof(Capset) == 24);

struct Shmem {
    ShmemHeader base;
    uint64_t banned_exec_queue_mask;  // a bit for each queue id below 64
};
static_assert(sizeof(Shmem) == 16);

/// Results are positive errnos. DEVICE_QUERY's has the answer behind it.
struct Response {
    ResponseHeader hdr;
    uint32_t pad;
    int32_t ret;
    uint32_t value;  // size, vm_id, exec_queue_id; else zero
};
static_assert(sizeof(Response) == 16);

struct DeviceQueryRequest {
    RequestHeader hdr;
    uint32_t query;
    uint32_t size;  // 0: asks for it
};
static_assert(sizeof(DeviceQueryRequest) == 24);

struct GemCreateRequest {
    RequestHeader hdr;
    uint64_t size;
    uint32_t placement;
    uint32_t flags;
    uint32_t vm_id;
    uint32_t blob_id;
    uint16_t cpu_caching;
    uint16_t pad[3];
};
static_assert(sizeof(GemCreateRequest) == 48);

struct VmCreateRequest {
    RequestHeader hdr;
    uint32_t flags;
    uint32_t pad;
};
static_assert(sizeof(VmCreateRequest) == 24);

struct VmDestroyRequest {
    RequestHeader hdr;
    uint32_t vm_id;
    uint32_t pad;
};
static_assert(sizeof(VmDestroyRequest) == 24);

struct BindOp {
    uint32_t res_id;
    uint16_t pat_index;
    uint16_t pad;
    uint64_t obj_offset;
    uint64_t range;
    uint64_t addr;
    uint32_t op;
    uint32_t flags;
};
static_assert(sizeof(BindOp) == 40);

/// Followed by num_binds of BindOp, and nothing else.
struct VmBindRequest {
    RequestHeader hdr;
    uint32_t vm_id;
    uint32_t num_binds;
};
static_assert(sizeof(VmBindRequest) == 24);

struct EngineInstance {
    uint16_t engine_class;
    uint16_t engine_instance;
    uint16_t gt_id;
    uint16_t pad;
};
static_assert(sizeof(EngineInstance) == 8);

/// Followed by width * num_placements of EngineInstance, and nothing else.
struct ExecQueueCreateRequest {
    RequestHeader hdr;
    uint32_t vm_id;
    uint32_t flags;
    uint16_t width;
    uint16_t num_placements;
    uint32_t pad;
};
static_assert(sizeof(ExecQueueCreateRequest) == 32);

struct ExecQueueDestroyRequest {
    RequestHeader hdr;
    uint32_t exec_queue_id;
    uint32_t pad;
};
static_assert(sizeof(ExecQueueDestroyRequest) == 24);

struct ExecRequest {
    RequestHeader hdr;
    uint32_t exec_queue_id;
    uint16_t num_batch_buffer;
    uint16_t pad;
    uint64_t address;
};
static_assert(sizeof(ExecRequest) == 32);

struct ExecResponse {
    ResponseHeader hdr;
    int32_t ret;
};
static_assert(sizeof(ExecResponse) == 8);

}  // namespace viaduct::wire::xe
