// amdgpu's requests.
#include <amdgpu_drm.h>

#include "tests/fuzz/ccmd/calls.h"
#include "wire/amdgpu.h"

namespace viaduct::fuzz {

namespace {

namespace w = wire::amdgpu;
using C = w::Command;

constexpr uint64_t kAnswerSizes[] = {0, 4, 8, 24, 40, 72, 96, 256, 1024, 4096, 4097, 65536};
constexpr uint64_t kQueries[] = {AMDGPU_INFO_ACCEL_WORKING,
                                 AMDGPU_INFO_CRTC_FROM_ID,
                                 AMDGPU_INFO_HW_IP_INFO,
                                 AMDGPU_INFO_HW_IP_COUNT,
                                 AMDGPU_INFO_TIMESTAMP,
                                 AMDGPU_INFO_FW_VERSION,
                                 AMDGPU_INFO_NUM_BYTES_MOVED,
                                 AMDGPU_INFO_VRAM_USAGE,
                                 AMDGPU_INFO_GTT_USAGE,
                                 AMDGPU_INFO_GDS_CONFIG,
                                 AMDGPU_INFO_VRAM_GTT,
                                 AMDGPU_INFO_READ_MMR_REG,
                                 AMDGPU_INFO_DEV_INFO,
                                 AMDGPU_INFO_VIS_VRAM_USAGE,
                                 AMDGPU_INFO_NUM_EVICTIONS,
                                 AMDGPU_INFO_MEMORY,
                                 AMDGPU_INFO_VCE_CLOCK_TABLE,
                                 AMDGPU_INFO_VBIOS,
                                 AMDGPU_INFO_NUM_HANDLES,
                                 AMDGPU_INFO_SENSOR,
                                 AMDGPU_INFO_NUM_VRAM_CPU_PAGE_FAULTS,
                                 AMDGPU_INFO_VRAM_LOST_COUNTER,
                                 AMDGPU_INFO_RAS_ENABLED_FEATURES,
                                 AMDGPU_INFO_VIDEO_CAPS};
constexpr Field kQueryInfo[] = {
    VIADUCT_FIELD(w::QueryInfoRequest, return_size, Value::kChoice, kAnswerSizes),
    VIADUCT_FIELD(w::QueryInfoRequest, query, Value::kChoice, kQueries),
    VIADUCT_FIELD(w::QueryInfoRequest, args[0], Value::kId),
    VIADUCT_FIELD(w::QueryInfoRequest, args[1], Value::kId),
};

constexpr uint64_t kAlignments[] = {0, 1, 4096, 65536, 3};
constexpr uint64_t kHeaps[] = {AMDGPU_GEM_DOMAIN_CPU,
                               AMDGPU_GEM_DOMAIN_GTT,
                               AMDGPU_GEM_DOMAIN_VRAM,
                               AMDGPU_GEM_DOMAIN_GTT | AMDGPU_GEM_DOMAIN_VRAM,
                               AMDGPU_GEM_DOMAIN_GDS,
                               AMDGPU_GEM_DOMAIN_OA,
                               0x40};
constexpr uint64_t kBufferFlags[] = {0x3fff};
constexpr Field kGemNew[] = {
    VIADUCT_FIELD(w::GemNewRequest, blob_id, Value::kId),
    VIADUCT_FIELD(w::GemNewRequest, alloc_size, Value::kSize),
    VIADUCT_FIELD(w::GemNewRequest, phys_alignment, Value::kChoice, kAlignments),
    VIADUCT_FIELD(w::GemNewRequest, preferred_heap, Value::kChoice, kHeaps),
    VIADUCT_FIELD(w::GemNewRequest, flags, Value::kFlags, kBufferFlags),
};

constexpr uint64_t kPageFlags[] = {AMDGPU_VM_PAGE_READABLE | AMDGPU_VM_PAGE_WRITEABLE |
                                   AMDGPU_VM_PAGE_EXECUTABLE | AMDGPU_VM_PAGE_PRT};
constexpr uint64_t kFlags2[] = {0, w::kVaFlags2Sparse};
constexpr uint64_t kOffsets[] = {0, 0, 0, 4096, 8192, 1};
constexpr uint64_t kVaOps[] = {AMDGPU_VA_OP_MAP, AMDGPU_VA_OP_UNMAP, AMDGPU_VA_OP_CLEAR,
                               AMDGPU_VA_OP_REPLACE, 0};
constexpr Field kBoVaOp[] = {
    VIADUCT_FIELD(w::BoVaOpRequest, va, Value::kAddress),
    VIADUCT_FIELD(w::BoVaOpRequest, vm_map_size, Value::kSize),
    VIADUCT_FIELD(w::BoVaOpRequest, flags, Value::kFlags, kPageFlags),
    VIADUCT_FIELD(w::BoVaOpRequest, flags2, Value::kChoice, kFlags2),
    VIADUCT_FIELD(w::BoVaOpRequest, offset, Value::kChoice, kOffsets),
    VIADUCT_FIELD(w::BoVaOpRequest, res_id, Value::kId),
    VIADUCT_FIELD(w::BoVaOpRequest, op, Value::kChoice, kVaOps),
};

constexpr uint64_t kRings[] = {0, 1, 2, 3, 4, 5, 9, 63, 64};
constexpr Field kCsSubmit[] = {
    VIADUCT_FIELD(w::CsSubmitRequest, ctx_id, Value::kId),
    VIADUCT_FIELD(w::CsSubmitRequest, ring_idx, Value::kChoice, kRings),
};

Bytes any_chunk(uint16_t id, Random& random) {
    Bytes payload;
    const auto number = [&] { return static_cast<uint32_t>(random.id()); };
    if (id == AMDGPU_CHUNK_ID_IB) {
        drm_amdgpu_cs_chunk_ib ib{};
        ib.va_start = any_address(random);
        ib.ib_bytes = static_cast<uint32_t>(4 * random.below(64));
        ib.ip_type = static_cast<uint32_t>(random.below(4));
        ib.ring = static_cast<uint32_t>(random.below(2));
        append(payload, ib);
    } else if (id == AMDGPU_CHUNK_ID_FENCE) {
        append(payload, w::UserFence{number(), static_cast<uint32_t>(8 * random.below(600))});
    } else if (id == AMDGPU_CHUNK_ID_DEPENDENCIES) {
        drm_amdgpu_cs_chunk_dep dependency{};
        dependency.ctx_id = number();
        dependency.handle = random.below(4);
        append(payload, dependency);
    } else {
        for (uint64_t i = random.below(4); i > 0; --i) append(payload, w::BoListEntry{number(), 0});
    }
    return payload;
}

void chunks(Random& random, Bytes& request) {
    constexpr uint16_t kIds[] = {AMDGPU_CHUNK_ID_IB,         AMDGPU_CHUNK_ID_IB,
                                 AMDGPU_CHUNK_ID_FENCE,      AMDGPU_CHUNK_ID_DEPENDENCIES,
                                 AMDGPU_CHUNK_ID_BO_HANDLES, AMDGPU_CHUNK_ID_BO_HANDLES,
                                 AMDGPU_CHUNK_ID_SYNCOBJ_IN};
    auto head = head_of<w::CsSubmitRequest>(request);
    head.num_chunks = static_cast<uint32_t>(1 + random.below(4));
    set_head(request, head);
    Bytes payloads;
    for (uint32_t i = 0; i < head.num_chunks; ++i) {
        const uint16_t id = random.of(std::span<const uint16_t>(kIds));
        const Bytes payload = any_chunk(id, random);
        append(request, w::ChunkDescriptor{id, static_cast<uint16_t>(payload.size() / 4),
                                           static_cast<uint32_t>(payloads.size())});
        payloads.insert(payloads.end(), payload.begin(), payload.end());
    }
    request.insert(request.end(), payloads.begin(), payloads.end());
}

constexpr Field kSetMetadata[] = {
    VIADUCT_FIELD(w::SetMetadataRequest, res_id, Value::kId),
    VIADUCT_FIELD(w::SetMetadataRequest, tiling_info, Value::kAny),
};
void metadata(Random& random, Bytes& request) {
    auto head = head_of<w::SetMetadataRequest>(request);
    head.size_metadata = static_cast<uint32_t>(4 * random.below(w::kMaxMetadata / 4 + 2));
    set_head(request, head);
    request.resize(request.size() + head.size_metadata);
}

constexpr Field kBoQueryInfo[] = {VIADUCT_FIELD(w::BoQueryInfoRequest, res_id, Value::kId)};

constexpr uint64_t kPriorities[] = {0, 1, 2, 0xfffffe01, 0xfffffc01, 512, 1023};
constexpr uint64_t kDestroy[] = {w::kCreateCtxDestroy};
constexpr Field kCreateCtx[] = {
    VIADUCT_FIELD(w::CreateCtxRequest, priority_or_id, Value::kChoice, kPriorities),
    VIADUCT_FIELD(w::CreateCtxRequest, flags, Value::kFlags, kDestroy),
};

constexpr uint64_t kUnreserve[] = {1};
constexpr Field kReserveVmid[] = {
    VIADUCT_FIELD(w::ReserveVmidRequest, flags, Value::kFlags, kUnreserve)};

constexpr uint64_t kContextOps[] = {AMDGPU_CTX_OP_QUERY_STATE2, AMDGPU_CTX_OP_GET_STABLE_PSTATE,
                                    AMDGPU_CTX_OP_SET_STABLE_PSTATE, AMDGPU_CTX_OP_FREE_CTX};
constexpr Field kSetPstate[] = {
    VIADUCT_FIELD(w::SetPstateRequest, ctx_id, Value::kId),
    VIADUCT_FIELD(w::SetPstateRequest, op, Value::kChoice, kContextOps),
    VIADUCT_FIELD(w::SetPstateRequest, flags, Value::kId),
};

constexpr Field kQueryFence[] = {
    VIADUCT_FIELD(w::CsQueryFenceStatusRequest, ctx_id, Value::kId),
    VIADUCT_FIELD(w::CsQueryFenceStatusRequest, ip_type, Value::kId),
    VIADUCT_FIELD(w::CsQueryFenceStatusRequest, ring, Value::kId),
    VIADUCT_FIELD(w::CsQueryFenceStatusRequest, fence, Value::kId),
    VIADUCT_FIELD(w::CsQueryFenceStatusRequest, timeout_ns, Value::kAny),
};

constexpr RequestRule kRules[] = {
    rule<w::QueryInfoRequest>(C::kQueryInfo, kQueryInfo),
    rule<w::GemNewRequest>(C::kGemNew, kGemNew),
    rule<w::BoVaOpRequest>(C::kBoVaOp, kBoVaOp),
    rule<w::CsSubmitRequest>(C::kCsSubmit, kCsSubmit, chunks),
    rule<w::SetMetadataRequest>(C::kSetMetadata, kSetMetadata, metadata),
    rule<w::BoQueryInfoRequest>(C::kBoQueryInfo, kBoQueryInfo),
    rule<w::CreateCtxRequest>(C::kCreateCtx, kCreateCtx),
    rule<w::ReserveVmidRequest>(C::kReserveVmid, kReserveVmid),
    rule<w::SetPstateRequest>(C::kSetPstate, kSetPstate),
    rule<w::CsQueryFenceStatusRequest>(C::kCsQueryFenceStatus, kQueryFence),
};

Bytes submission_tail(uint64_t va, uint32_t res_id) {
    drm_amdgpu_cs_chunk_ib ib{};
    ib.va_start = va;
    ib.ib_bytes = 32;
    ib.ip_type = AMDGPU_HW_IP_GFX;
    Bytes tail;
    append(tail, w::ChunkDescriptor{AMDGPU_CHUNK_ID_IB, sizeof(ib) / 4, 0});
    append(tail, w::ChunkDescriptor{AMDGPU_CHUNK_ID_BO_HANDLES, 2, sizeof(ib)});
    append(tail, w::ChunkDescriptor{AMDGPU_CHUNK_ID_FENCE, 2, sizeof(ib) + 8});
    append(tail, ib);
    append(tail, w::BoListEntry{res_id, 0});
    append(tail, w::UserFence{res_id, 64});
    return tail;
}

void prepare(Program& program, Random&) {
    program.push_back(command(C::kCreateCtx, w::CreateCtxRequest{}));
}

Step create(const OpeningBuffer& buffer, Random& random) {
    w::GemNewRequest request{};
    request.blob_id = buffer.id;
    request.alloc_size = buffer.size;
    request.preferred_heap = random.once(2) ? AMDGPU_GEM_DOMAIN_GTT : AMDGPU_GEM_DOMAIN_VRAM;
    request.flags = random.once(4) ? AMDGPU_GEM_CREATE_VM_ALWAYS_VALID : 0;
    return command(C::kGemNew, request);
}

Step map(const OpeningBuffer& buffer) {
    w::BoVaOpRequest request{};
    request.va = buffer.va;
    request.vm_map_size = buffer.size;
    request.flags = kPageFlags[0] & ~uint64_t{AMDGPU_VM_PAGE_PRT};
    request.res_id = buffer.id;
    request.op = AMDGPU_VA_OP_MAP;
    return command(C::kBoVaOp, request);
}

Step submit(const OpeningBuffer& buffer, Random&) {
    w::CsSubmitRequest request{};
    request.ctx_id = 1;
    request.num_chunks = 3;
    request.ring_idx = 1;
    return command(C::kCsSubmit, request, submission_tail(buffer.va, buffer.id));
}

Step ask() {
    w::SetPstateRequest request{};
    request.ctx_id = 1;
    request.op = AMDGPU_CTX_OP_QUERY_STATE2;
    return command(C::kSetPstate, request);
}

constexpr DriverRequests kRequests = {wire::ContextType::kAmdgpu,
                                      "renoir",
                                      kRules,
                                      {prepare, create, map, submit, /*ring*/ 1, 0, ask}};

}  // namespace

const DriverRequests& driver_requests() {
    return kRequests;
}

}  // namespace viaduct::fuzz
