// Wire format of the amdgpu native context (context type 2). Layouts only, no logic.
// Numbers inside the structures are those of the kernel's <drm/amdgpu_drm.h>.
#pragma once

#include "wire/ccmd.h"

namespace viaduct::wire::amdgpu {

enum class Command : uint32_t {
    kQueryInfo = 1,
    kGemNew = 2,
    kBoVaOp = 3,
    kCsSubmit = 4,
    kSetMetadata = 5,
    kBoQueryInfo = 6,
    kCreateCtx = 7,
    kReserveVmid = 8,
    kSetPstate = 9,
    kCsQueryFenceStatus = 10,
};

/// Requests and their rsp_off are multiples of this.
inline constexpr uint32_t kAlignment = 8;
/// Rings are numbered over the hardware IP types 0 … kIpTypes - 1 (ring 0 is the CPU).
inline constexpr uint32_t kIpTypes = 10;
/// More than any kernel takes: 192 IBs for each of four queues (amdgpu_ring.c:
/// amdgpu_ring_max_ibs(), amdgpu_job.h: AMDGPU_CS_GANG_SIZE), and what goes with them. Mesa names
/// 128 in its header, and sends what its applications ask for.
inline constexpr uint32_t kMaxChunks = 1024;
inline constexpr uint32_t kMaxMetadata = 256;  // bytes

struct HeapInfo {
    uint64_t heap_size;
    uint64_t heap_usage;
    uint64_t max_allocation;
};

struct Shmem {
    ShmemHeader base;
    uint32_t async_error;
    uint32_t pad;
    HeapInfo gtt;
    HeapInfo vram;
    HeapInfo vis_vram;
};
static_assert(sizeof(Shmem) == 88);

struct Response {
    ResponseHeader hdr;
    int32_t ret;  // 0 or a negative errno
};
static_assert(sizeof(Response) == 8);

/// The request carries a `drm_amdgpu_info`; its pointer is meaningless here. The response is a
/// Response followed by return_size bytes.
struct QueryInfoRequest {
    RequestHeader hdr;
    uint64_t return_pointer;
    uint32_t return_size;
    uint32_t query;
    uint32_t args[4];
};
static_assert(sizeof(QueryInfoRequest) == 48);

struct GemNewRequest {
    RequestHeader hdr;
    uint64_t blob_id;
    uint64_t alloc_size;
    uint64_t phys_alignment;
    uint32_t preferred_heap;
    uint32_t pad;
    uint64_t flags;
};
static_assert(sizeof(GemNewRequest) == 56);

inline constexpr uint64_t kVaFlags2Sparse = 1;

struct BoVaOpRequest {
    RequestHeader hdr;
    uint64_t va;
    uint64_t vm_map_size;
    uint64_t flags;
    uint64_t flags2;
    uint64_t offset;
    uint32_t res_id;
    uint32_t op;
};
static_assert(sizeof(BoVaOpRequest) == 64);

/// Followed by num_chunks ChunkDescriptors, then the chunks' payloads.
struct CsSubmitRequest {
    RequestHeader hdr;
    uint32_t ctx_id;
    uint32_t num_chunks;
    uint32_t pad;
    uint32_t ring_idx;
};
static_assert(sizeof(CsSubmitRequest) == 32);

struct ChunkDescriptor {
    uint16_t chunk_id;
    uint16_t length_dw;
    uint32_t offset;  // from the end of the descriptors
};
static_assert(sizeof(ChunkDescriptor) == 8);

/// BO_HANDLES payload entry.
struct BoListEntry {
    uint32_t res_id;
    uint32_t priority;
};

/// FENCE payload.
struct UserFence {
    uint32_t res_id;
    uint32_t offset;
};

/// Followed by size_metadata bytes.
struct SetMetadataRequest {
    RequestHeader hdr;
    uint64_t flags;
    uint64_t tiling_info;
    uint32_t res_id;
    uint32_t size_metadata;
};
static_assert(sizeof(SetMetadataRequest) == 40);

struct BoQueryInfoRequest {
    RequestHeader hdr;
    uint32_t res_id;
    uint32_t pad;
};

struct BoQueryInfoResponse {
    Response base;
    uint64_t alloc_size;
    uint64_t phys_alignment;
    uint32_t preferred_heap;
    uint32_t pad;
    uint64_t alloc_flags;
    uint64_t metadata_flags;
    uint64_t tiling_info;
    uint32_t size_metadata;
    uint8_t umd_metadata[kMaxMetadata];
    uint32_t pad2;
};
static_assert(sizeof(BoQueryInfoResponse) == 320);

inline constexpr uint32_t kCreateCtxDestroy = 1;

struct CreateCtxRequest {
    RequestHeader hdr;
    int32_t priority_or_id;  // priority to create, id to destroy
    uint32_t flags;
};
static_assert(sizeof(CreateCtxRequest) == 24);

struct CreateCtxResponse {
    Response base;
    uint32_t ctx_id;
    uint32_t pad;
};
static_assert(sizeof(CreateCtxResponse) == 16);

struct ReserveVmidRequest {
    RequestHeader hdr;
    uint64_t flags;  // bit 0: unreserve
};

struct SetPstateRequest {
    RequestHeader hdr;
    uint32_t ctx_id;
    uint32_t op;
    uint32_t flags;
    uint32_t pad;
};

struct SetPstateResponse {
    Response base;
    uint32_t out_flags;
    uint32_t pad;
};

struct CsQueryFenceStatusRequest {
    RequestHeader hdr;
    uint32_t ctx_id;
    uint32_t ip_type;
    uint32_t ip_instance;
    uint32_t ring;
    uint64_t fence;
    uint64_t timeout_ns;
    uint64_t flags;  // bit 0: timeout is absolute
};
static_assert(sizeof(CsQueryFenceStatusRequest) == 56);

struct CsQueryFenceStatusResponse {
    Response base;
    uint32_t expired;
    uint32_t pad;
};

}  // namespace viaduct::wire::amdgpu
