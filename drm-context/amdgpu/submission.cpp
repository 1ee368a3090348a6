#include "drm-context/amdgpu/submission.h"

#include <algorithm>
#include <span>

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

// The chunks that a guest may send. Syncobjs are the guest kernel's, and nothing else is needed.
const Submission::ChunkRule Submission::kRules[] = {
    {AMDGPU_CHUNK_ID_IB, sizeof(drm_amdgpu_cs_chunk_ib), &Submission::translate_ib},
    {AMDGPU_CHUNK_ID_FENCE, sizeof(w::UserFence), &Submission::translate_user_fence},
    {AMDGPU_CHUNK_ID_DEPENDENCIES, sizeof(drm_amdgpu_cs_chunk_dep),
     &Submission::translate_dependencies},
    {AMDGPU_CHUNK_ID_BO_HANDLES, 4, &Submission::translate_bo_handles},
};

Status Submission::translate(const Request& request) {
    const auto wanted = request.as<w::CsSubmitRequest>();
    if (wanted.num_chunks > w::kMaxChunks)
        return fail(EINVAL, "{} chunks exceed the maximum of {}", wanted.num_chunks, w::kMaxChunks);
    std::span<const std::byte> descriptors;
    const uint64_t table_size = uint64_t{wanted.num_chunks} * sizeof(w::ChunkDescriptor);
    if (!request.payload(sizeof(wanted), table_size, &descriptors))
        return fail(EINVAL, "{} chunk descriptors do not fit {} bytes", wanted.num_chunks,
                    request.size());
    for (uint32_t i = 0; i < wanted.num_chunks; ++i) {
        const auto chunk = element<w::ChunkDescriptor>(descriptors, i);
        std::span<const std::byte> payload;
        if (chunk.offset % 4 != 0 || !request.payload(sizeof(wanted) + table_size + chunk.offset,
                                                      uint64_t{chunk.length_dw} * 4, &payload))
            return fail(EINVAL,
                        "chunk {}: {} dwords at offset {} are misaligned or exceed the request",
                        chunk.chunk_id, chunk.length_dw, chunk.offset);
        if (auto status = translate_chunk(chunk, payload); !status) return status;
    }
    if (!has_bo_list_ && !context_.always_listed().empty()) append_bo_list();
    if (last_ib_ring_ == RingIndex()) return fail(EINVAL, "the submission has no IB");
    if (last_ib_ring_ != RingIndex(wanted.ring_idx))
        return fail(EINVAL, "the submission is for ring {}, but its last IB for ring {}",
                    wanted.ring_idx, last_ib_ring_);
    return {};
}

Status Submission::translate_chunk(const w::ChunkDescriptor& chunk,
                                   std::span<const std::byte> payload) {
    for (const ChunkRule& rule : kRules) {
        if (rule.chunk_id != chunk.chunk_id) continue;
        if (payload.size() % rule.multiple_of != 0)
            return fail(EINVAL, "chunk {}: {} bytes are not a multiple of {}", chunk.chunk_id,
                        payload.size(), rule.multiple_of);
        return (this->*rule.translate)(payload);
    }
    return fail(EINVAL, "chunk {} is not allowed for guests", chunk.chunk_id);
}

Status Submission::translate_ib(std::span<const std::byte> payload) {
    if (payload.size() != sizeof(drm_amdgpu_cs_chunk_ib))
        return fail(EINVAL, "an IB chunk cannot have {} bytes", payload.size());
    const auto ib = element<drm_amdgpu_cs_chunk_ib>(payload, 0);
    last_ib_ring_ = context_.timeline_of(ib.ip_type, ib.ring);
    if (last_ib_ring_ == RingIndex())
        return fail(EINVAL, "an IB for ring {} of IP type {}, which this GPU does not have",
                    ib.ring, ib.ip_type);
    append_bytes(AMDGPU_CHUNK_ID_IB, payload);
    return {};
}

Status Submission::translate_user_fence(std::span<const std::byte> payload) {
    if (payload.size() != sizeof(w::UserFence))
        return fail(EINVAL, "a fence chunk cannot have {} bytes", payload.size());
    const auto fence = element<w::UserFence>(payload, 0);
    const BufferObject* object = context_.objects().find_resource(ResourceId(fence.res_id));
    if (!object) return fail(EINVAL, "user fence in unknown resource {}", fence.res_id);
    if (fence.offset % 8 != 0 || uint64_t{fence.offset} + 8 > object->size)
        return fail(EINVAL, "user fence offset {} is misaligned or outside the {} bytes",
                    fence.offset, object->size);
    const drm_amdgpu_cs_chunk_fence translated{object->handle.get().value(), fence.offset};
    if (object->size == UserFences::kKernelPage)
        append(AMDGPU_CHUNK_ID_FENCE, translated);
    else
        own_user_fence_ = translated;
    return {};
}

Status Submission::translate_dependencies(std::span<const std::byte> payload) {
    const size_t count = payload.size() / sizeof(drm_amdgpu_cs_chunk_dep);
    for (size_t i = 0; i < count; ++i) {
        const auto dependency = element<drm_amdgpu_cs_chunk_dep>(payload, i);
        if (!context_.owns_ctx(dependency.ctx_id))
            return fail(EINVAL, "the submission depends on unknown GPU context {}",
                        dependency.ctx_id);
    }
    append_bytes(AMDGPU_CHUNK_ID_DEPENDENCIES, payload);
    return {};
}

Status Submission::translate_bo_handles(std::span<const std::byte> payload) {
    if (has_bo_list_) return fail(EINVAL, "the submission has two buffer lists");
    has_bo_list_ = true;
    const size_t count = payload.size() / sizeof(w::BoListEntry);
    buffers_.bo_list.reserve(count);
    for (size_t i = 0; i < count; ++i) {
        const auto entry = element<w::BoListEntry>(payload, i);
        BufferObject* object = context_.objects().find_resource(ResourceId(entry.res_id));
        if (!object)
            return fail(EINVAL, "the buffer list contains unknown resource {}", entry.res_id);
        buffers_.bo_list.push_back({object->handle.get().value(), entry.priority});
        if (object->readers == Readers::kUnchecked) context_.check_readers(*object);
        if (object->readers == Readers::kGuarded) guarded_.push_back(object->handle.get());
    }
    append_bo_list();
    return {};
}

void Submission::append_bo_list() {
    auto& bo_list = buffers_.bo_list;
    for (const GemHandle handle : context_.always_listed()) bo_list.push_back({handle.value(), 0});
    drm_amdgpu_bo_list_in list{};
    list.operation = ~0u;  // a list inside CS has neither operation nor handle
    list.list_handle = ~0u;
    list.bo_number = static_cast<uint32_t>(bo_list.size());
    list.bo_info_size = sizeof(drm_amdgpu_bo_list_entry);
    list.bo_info_ptr = reinterpret_cast<uint64_t>(bo_list.data());
    append(AMDGPU_CHUNK_ID_BO_HANDLES, list);
}

// The words may still move: until args() a chunk has their index instead of their address.
void Submission::append_bytes(uint32_t chunk_id, std::span<const std::byte> payload) {
    auto& words = buffers_.words;
    const size_t first = words.size();
    words.resize(first + (payload.size() + 7) / 8);
    // Not memcpy(): of an empty chunk both addresses are null.
    std::ranges::copy(payload, std::as_writable_bytes(std::span(words).subspan(first)).begin());
    buffers_.chunks.push_back({chunk_id, static_cast<uint32_t>(payload.size() / 4), first});
}

drm_amdgpu_cs Submission::args(uint32_t ctx_id) {
    for (auto& chunk : buffers_.chunks) {
        chunk.chunk_data = reinterpret_cast<uint64_t>(buffers_.words.data() + chunk.chunk_data);
        buffers_.chunk_pointers.push_back(reinterpret_cast<uint64_t>(&chunk));
    }
    drm_amdgpu_cs cs{};
    cs.in.ctx_id = ctx_id;
    cs.in.num_chunks = static_cast<uint32_t>(buffers_.chunk_pointers.size());
    cs.in.chunks = reinterpret_cast<uint64_t>(buffers_.chunk_pointers.data());
    return cs;
}

}  // namespace viaduct::amdgpu
