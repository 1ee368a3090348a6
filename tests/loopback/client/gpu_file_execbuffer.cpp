// EXECBUFFER: fences in, one command, fences out.
#include <algorithm>
#include <cstring>

#include "tests/loopback/client/gpu_file.h"

namespace viaduct::loopback {

using namespace wire::virtgpu;
using simgpu::drm::Fence;
using simgpu::drm::FencePtr;

namespace {

constexpr uint32_t kKnownFlags = kExecbufFenceFdIn | kExecbufFenceFdOut | kExecbufRingIdx;
/// Far above what any driver passes; bounds what a wild count makes us allocate.
constexpr uint32_t kMaxEntries = 1u << 16;

/// The kernel locks the buffers' reservations, and no lock twice (drm_gem_lock_reservations).
template <typename T>
bool has_duplicates(std::vector<T> list) {
    std::sort(list.begin(), list.end());
    return std::adjacent_find(list.begin(), list.end()) != list.end();
}

}  // namespace

/// One EXECBUFFER on its way.
struct GpuFile::Submission {
    uint32_t ring = kGlobalRing;
    std::vector<ExecbufferSyncobj> in_syncobjs;
    std::vector<ExecbufferSyncobj> out_syncobjs;
    std::vector<FencePtr> in_fences;
    std::vector<BufferPtr> buffers;
    FencePtr fence;  // null: unfenced
    UniqueFd fence_fd;
};

int GpuFile::on_execbuffer(void* argument) {
    auto& request = *static_cast<Execbuffer*>(argument);
    Submission submission;
    int status = parse_execbuffer(request, submission);
    if (status == 0) status = collect_in_fences(request, submission);
    request.fence_fd = -1;
    if (status != 0) return status;
    for (const FencePtr& fence : submission.in_fences)
        fence->wait_until(std::chrono::steady_clock::time_point::max());
    status = send_submission(request, submission);
    return status == 0 ? publish_fence(request, submission) : status;
}

int GpuFile::parse_execbuffer(const Execbuffer& request, Submission& submission) {
    if (request.flags & ~kKnownFlags) return -EINVAL;
    if (request.flags & kExecbufRingIdx) {
        if (request.ring_idx >= num_rings_) return -EINVAL;
        submission.ring = request.ring_idx;
    }
    if (const int status = ensure_context(); status != 0) return status;
    if (request.size != 0 && request.command == 0) return -EFAULT;
    if (request.size > kMaxPayload / 2) return -ENOMEM;
    if (request.num_bo_handles > kMaxEntries) return -ENOMEM;
    if (request.num_bo_handles != 0 && request.bo_handles == 0) return -EFAULT;
    const auto* handles = reinterpret_cast<const uint32_t*>(request.bo_handles);
    for (uint32_t i = 0; i < request.num_bo_handles; ++i) {
        submission.buffers.push_back(buffers_.find(GemHandle(handles[i])));
        if (!submission.buffers.back()) return -ENOENT;
    }
    if (has_duplicates(submission.buffers)) return -EALREADY;
    if (const int status = read_syncobjs(request.in_syncobjs, request.num_in_syncobjs,
                                         request.syncobj_stride, submission.in_syncobjs);
        status != 0)
        return status;
    return read_syncobjs(request.out_syncobjs, request.num_out_syncobjs, request.syncobj_stride,
                         submission.out_syncobjs);
}

int GpuFile::read_syncobjs(uint64_t pointer, uint32_t count, uint32_t stride,
                           std::vector<ExecbufferSyncobj>& syncobjs) {
    if (count == 0) return 0;
    if (pointer == 0) return -EFAULT;
    if (count > kMaxEntries) return -ENOMEM;
    const auto* bytes = reinterpret_cast<const std::byte*>(pointer);
    for (uint32_t i = 0; i < count; ++i, bytes += stride) {
        ExecbufferSyncobj entry{};
        std::memcpy(&entry, bytes, std::min<size_t>(stride, sizeof(entry)));
        if (entry.flags & ~kSyncobjReset) return -EINVAL;
        syncobjs.push_back(entry);
    }
    return 0;
}

/// The fences that must signal before the command may be sent. Fences of the same ring need not:
/// the ring keeps the order.
int GpuFile::collect_in_fences(const Execbuffer& request, Submission& submission) {
    const auto add = [&](FencePtr fence) {
        if (!fence->is_signalled() && !fences_.is_on_ring(submission.ring, fence))
            submission.in_fences.push_back(std::move(fence));
    };
    for (const ExecbufferSyncobj& entry : submission.in_syncobjs) {
        int error = 0;
        FencePtr fence = syncobjs_.find_fence(entry.handle, entry.point, &error);
        if (!fence) return error;
        add(std::move(fence));
    }
    // An out syncobj that does not exist fails the call before anything is sent.
    for (const ExecbufferSyncobj& entry : submission.out_syncobjs) {
        int error = 0;
        if (!syncobjs_.find_fence(entry.handle, entry.point, &error) && error == -ENOENT)
            return -ENOENT;
    }
    if (!(request.flags & kExecbufFenceFdIn)) return 0;
    FencePtr fence = Fence::from_sync_file(request.fence_fd);
    if (!fence) return -EINVAL;
    add(std::move(fence));
    return 0;
}

int GpuFile::send_submission(const Execbuffer& request, Submission& submission) {
    Packet packet = Packet::request(MessageType::kSubmit);
    for (const BufferPtr& buffer : submission.buffers) {
        const uint32_t resource_id = buffer->resource_id.value();
        packet.append_payload(&resource_id, sizeof(resource_id));
    }
    if (request.size != 0)
        packet.append_payload(reinterpret_cast<const void*>(request.command), request.size);
    const bool is_polled =
        submission.ring < kMaxRings && (poll_rings_mask_ >> submission.ring & 1) != 0;
    const bool wants_fence = request.flags & kExecbufFenceFdOut ||
                             !submission.out_syncobjs.empty() || !submission.buffers.empty() ||
                             is_polled;
    const std::lock_guard lock(submit_mutex_);
    Submit body{submission.ring, static_cast<uint32_t>(submission.buffers.size()), 0};
    if (wants_fence) {
        auto created = fences_.add(submission.ring);
        body.fence_token = created.token;
        submission.fence = std::move(created.fence);
    }
    if (request.flags & kExecbufFenceFdOut) {
        submission.fence_fd = submission.fence->export_sync_file();
        if (!submission.fence_fd) return -EMFILE;
    }
    packet.set_body(body);
    for (const BufferPtr& buffer : submission.buffers)
        buffer->reservation->add(id_, submission.ring, submission.fence);
    return connection_->post(packet) ? 0 : -EIO;
}

int GpuFile::publish_fence(Execbuffer& request, Submission& submission) {
    for (const ExecbufferSyncobj& entry : submission.in_syncobjs)
        if (entry.flags & kSyncobjReset) syncobjs_.reset(entry.handle);
    for (const ExecbufferSyncobj& entry : submission.out_syncobjs)
        syncobjs_.attach_fence(entry.handle, entry.point, submission.fence);
    if (request.flags & kExecbufFenceFdOut) request.fence_fd = submission.fence_fd.release();
    return 0;
}

}  // namespace viaduct::loopback
