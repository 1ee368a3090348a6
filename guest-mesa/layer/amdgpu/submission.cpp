#include "guest-mesa/layer/amdgpu/submission.h"

#include <drm.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>

#include "guest-mesa/layer/request.h"

namespace viaduct::guest::amdgpu {

namespace {

using virtgpu::ExecbufferSyncobj;

constexpr uint32_t kCpGfxShadow = 0x0a;  // AMDGPU_CHUNK_ID_CP_GFX_SHADOW, of later headers
constexpr uint32_t kMaxListEntries = 128 * 1024;

/// A pointer in the application's own memory, as the kernel's interface carries it.
template <typename T>
const T* at_address(uint64_t address) {
    return reinterpret_cast<const T*>(static_cast<uintptr_t>(address));
}

/// The payload of a chunk as whole `T`s; a remainder makes it invalid.
template <typename T>
int read_array(const drm_amdgpu_cs_chunk& chunk, std::vector<T>& values) {
    const uint64_t length = uint64_t{chunk.length_dw} * 4;
    if (length % sizeof(T) != 0 || (length && !chunk.chunk_data) || length > PTRDIFF_MAX)
        return -EINVAL;
    const auto bytes = static_cast<size_t>(length);
    const size_t old = values.size();
    values.resize(old + bytes / sizeof(T));
    if (bytes) std::memcpy(values.data() + old, at_address<void>(chunk.chunk_data), bytes);
    return 0;
}

template <typename T>
int read_one(const drm_amdgpu_cs_chunk& chunk, T& value) {
    if (uint64_t{chunk.length_dw} * 4 < sizeof(T) || !chunk.chunk_data) return -EINVAL;
    std::memcpy(&value, at_address<void>(chunk.chunk_data), sizeof(T));
    return 0;
}

int read_ib(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    drm_amdgpu_cs_chunk_ib ib;
    if (const int error = read_one(chunk, ib); error < 0) return error;
    submission.ibs.push_back(ib);
    return 0;
}

int read_fence(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    return read_one(chunk, submission.user_fence.emplace());
}

int read_buffers(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    drm_amdgpu_bo_list_in list;
    if (submission.has_buffer_chunk || submission.bo_list) return -EINVAL;
    if (const int error = read_one(chunk, list); error < 0) return error;
    submission.has_buffer_chunk = true;
    return parse_bo_list(list, submission.buffers);
}

int read_dependencies(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    return read_array(chunk, submission.dependencies);
}

int read_binary(const drm_amdgpu_cs_chunk& chunk, std::vector<ExecbufferSyncobj>& syncobjs) {
    std::vector<drm_amdgpu_cs_chunk_sem> entries;
    if (const int error = read_array(chunk, entries); error < 0) return error;
    for (const auto& entry : entries) syncobjs.push_back({entry.handle, 0, 0});
    return 0;
}

int read_points(const drm_amdgpu_cs_chunk& chunk, std::vector<ExecbufferSyncobj>& syncobjs,
                bool& wait_for_submit) {
    std::vector<drm_amdgpu_cs_chunk_syncobj> entries;
    if (const int error = read_array(chunk, entries); error < 0) return error;
    for (const auto& entry : entries) {
        if (entry.flags & DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT) wait_for_submit = true;
        syncobjs.push_back({entry.handle, 0, entry.point});
    }
    return 0;
}

int read_binary_in(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    return read_binary(chunk, submission.in);
}

int read_binary_out(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    return read_binary(chunk, submission.out);
}

int read_points_in(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    return read_points(chunk, submission.in, submission.wait_for_submit);
}

int read_points_out(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    bool unused = false;
    return read_points(chunk, submission.out, unused);
}

int skip(const drm_amdgpu_cs_chunk&, Submission&) {
    return 0;
}

struct ChunkRow {
    uint32_t id;
    int (*read)(const drm_amdgpu_cs_chunk& chunk, Submission& submission);
};

constexpr ChunkRow kChunks[] = {
    {AMDGPU_CHUNK_ID_IB, read_ib},
    {AMDGPU_CHUNK_ID_FENCE, read_fence},
    {AMDGPU_CHUNK_ID_DEPENDENCIES, read_dependencies},
    {AMDGPU_CHUNK_ID_SYNCOBJ_IN, read_binary_in},
    {AMDGPU_CHUNK_ID_SYNCOBJ_OUT, read_binary_out},
    {AMDGPU_CHUNK_ID_BO_HANDLES, read_buffers},
    // "Has begun", not "is done": as a dependency it would wait for a job that may itself be
    // waiting for this one. Jobs reach the host's scheduler in the order of submission, which is as
    // near as the wire format comes.
    {AMDGPU_CHUNK_ID_SCHEDULED_DEPENDENCIES, skip},
    {AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_WAIT, read_points_in},
    {AMDGPU_CHUNK_ID_SYNCOBJ_TIMELINE_SIGNAL, read_points_out},
    // Where registers are kept across preemption; the wire format has no chunk for it.
    {kCpGfxShadow, skip},
};

int read_chunk(const drm_amdgpu_cs_chunk& chunk, Submission& submission) {
    for (const ChunkRow& row : kChunks)
        if (row.id == chunk.chunk_id) return row.read(chunk, submission);
    return -EINVAL;
}

/// Payloads, and the descriptors that point at them.
class ChunkWriter {
  public:
    template <typename T>
    void add(uint16_t id, const T* values, size_t count) {
        const size_t bytes = count * sizeof(T);
        if (bytes / 4 > UINT16_MAX) {
            fits_ = false;
            return;
        }
        const auto offset = static_cast<uint32_t>(payload_.size());
        descriptors_.push_back({id, static_cast<uint16_t>(bytes / 4), offset});
        const auto* begin = reinterpret_cast<const std::byte*>(values);
        payload_.insert(payload_.end(), begin, begin + bytes);
        payload_.resize((payload_.size() + 7) & ~size_t{7});
    }

    std::vector<std::byte> finish(wire::CsSubmitRequest head) const {
        if (!fits_ || descriptors_.size() > wire::kMaxChunks) return {};
        const size_t descriptor_bytes = descriptors_.size() * sizeof(wire::ChunkDescriptor);
        head.num_chunks = static_cast<uint32_t>(descriptors_.size());
        head.hdr.len = static_cast<uint32_t>(sizeof(head) + descriptor_bytes + payload_.size());
        std::vector<std::byte> request(head.hdr.len);
        std::memcpy(request.data(), &head, sizeof(head));
        std::memcpy(request.data() + sizeof(head), descriptors_.data(), descriptor_bytes);
        if (!payload_.empty())
            std::memcpy(request.data() + sizeof(head) + descriptor_bytes, payload_.data(),
                        payload_.size());
        return request;
    }

  private:
    std::vector<wire::ChunkDescriptor> descriptors_;
    std::vector<std::byte> payload_;
    bool fits_ = true;
};

}  // namespace

int parse_bo_list(const drm_amdgpu_bo_list_in& list,
                  std::vector<drm_amdgpu_bo_list_entry>& entries) {
    if (list.bo_number > kMaxListEntries || (list.bo_number && !list.bo_info_ptr)) return -EINVAL;
    entries.assign(list.bo_number, {});
    const auto* source = at_address<std::byte>(list.bo_info_ptr);
    // An entry of another size is an older or a newer caller's: what both know is copied.
    const size_t shared = std::min<size_t>(list.bo_info_size, sizeof(entries[0]));
    for (auto& entry : entries) {
        std::memcpy(&entry, source, shared);
        source += list.bo_info_size;
    }
    return 0;
}

int parse_submission(const drm_amdgpu_cs_in& arg, const wire::RingNumbering& numbering,
                     Submission& submission) {
    if (arg.num_chunks == 0 || arg.num_chunks > wire::kMaxChunks || !arg.chunks) return -EINVAL;
    submission.context = arg.ctx_id;
    submission.bo_list = arg.bo_list_handle;
    const auto* pointers = at_address<uint64_t>(arg.chunks);
    for (uint32_t i = 0; i < arg.num_chunks; ++i) {
        if (!pointers[i]) return -EINVAL;
        drm_amdgpu_cs_chunk chunk;
        std::memcpy(&chunk, at_address<void>(pointers[i]), sizeof(chunk));
        if (const int error = read_chunk(chunk, submission); error < 0) return error;
    }
    if (submission.ibs.empty()) return -EINVAL;
    const drm_amdgpu_cs_chunk_ib& leader = submission.ibs.back();
    const auto timeline = numbering.find(leader.ip_type, leader.ring);
    if (!timeline) return -EINVAL;
    submission.timeline = RingIndex(*timeline);
    return 0;
}

std::vector<std::byte> build_request(const Submission& submission, const BufferList& buffers) {
    ChunkWriter chunks;
    if (!buffers.entries.empty())
        chunks.add(AMDGPU_CHUNK_ID_BO_HANDLES, buffers.entries.data(), buffers.entries.size());
    if (buffers.user_fence) chunks.add(AMDGPU_CHUNK_ID_FENCE, &*buffers.user_fence, 1);
    if (!submission.dependencies.empty())
        chunks.add(AMDGPU_CHUNK_ID_DEPENDENCIES, submission.dependencies.data(),
                   submission.dependencies.size());
    for (const auto& ib : submission.ibs) chunks.add(AMDGPU_CHUNK_ID_IB, &ib, 1);

    auto head = make_request<wire::CsSubmitRequest>(wire::Command::kCsSubmit);
    head.ctx_id = submission.context;
    head.ring_idx = submission.timeline.value();
    return chunks.finish(head);
}

}  // namespace viaduct::guest::amdgpu
