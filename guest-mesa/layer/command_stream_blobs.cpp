// CommandStream's way to a blob: its object first, made by a request, then the resource that claims
// it.
#include <drm.h>

#include "guest-mesa/layer/command_stream.h"

namespace viaduct::guest {

int CommandStream::create_blob(const Channel& channel, std::span<std::byte> request,
                               virtgpu::ResourceCreateBlob& blob, bool& confirmed) {
    confirmed = false;
    if (lost()) return -ENODEV;
    if (!answers_creations_.load(std::memory_order_relaxed))
        return create_blob_with_object(channel, request, blob);
    if (const int error = make_object(channel, request, confirmed); error < 0) return error;
    return claim_object(channel, blob);
}

int CommandStream::make_object(const Channel& channel, std::span<std::byte> request,
                               bool& confirmed) {
    struct {
        wire::CreationResponse known;
        uint64_t more;  // so that a length that was not written shows
    } answer{};
    if (const int error = call(channel, {request, std::as_writable_bytes(std::span(&answer, 1))});
        error < 0)
        return error;
    confirmed = answer.known.hdr.len == sizeof(answer.known);
    if (!confirmed) answers_creations_.store(false, std::memory_order_relaxed);
    return answer.known.ret == 0 ? 0 : -ENOMEM;
}

int CommandStream::claim_object(const Channel& channel, virtgpu::ResourceCreateBlob& blob) {
    blob.cmd = 0;  // of an attempt before
    blob.cmd_size = 0;
    {
        const LockGuard lock(mutex_);
        host_has_caught_up();  // its count before this one
    }
    const int error = create_counted_blob(channel, blob);
    if (error == 0) return 0;
    if (error != -ENOSPC) give_up_object(channel, blob);
    UniqueFd behind;  // once the host is there, what was closed before has given its room back
    if (error == -ENOSPC && transfer(channel, {}, nullptr, &behind) == 0)
        if (const int lost = wait_readable(channel, behind.get()); lost < 0) return lost;
    return error;
}

int CommandStream::create_blob_with_object(const Channel& channel, std::span<std::byte> request,
                                           virtgpu::ResourceCreateBlob& blob) {
    const LockGuard lock(mutex_);
    const size_t before = batch_.size();
    append(request, 0);
    blob.cmd = user_pointer(batch_.data());
    blob.cmd_size = static_cast<uint32_t>(batch_.size());
    if (const int error = create_counted_blob(channel, blob); error < 0)
        return settle_refused_blob(channel, blob, before, error);
    note_resource();
    clear_batch();
    return 0;
}

/// The node sends a blob's commands before it makes the blob (virtgpu_ioctl.c:
/// virtio_gpu_resource_create_blob_ioctl()): when that fails they may be with the host, or still
/// with us. Only the host's sequence number tells.
int CommandStream::settle_refused_blob(const Channel& channel,
                                       const virtgpu::ResourceCreateBlob& blob, size_t batch_size,
                                       int error) {
    bool has_run = false;
    if (const int lost = catch_up(channel, has_run); lost < 0) return lost;
    if (!has_run) {
        drop_from(batch_size);
        return error;
    }
    clear_batch();
    // A full window is found out behind RESOURCE_CREATE_BLOB, which has claimed the object, and is
    // followed by RESOURCE_UNREF. Other errors leave it unclaimed, and the host keeps it.
    if (error != -ENOSPC) give_up_object(channel, blob);
    return error;
}

/// Waits for everything that was sent, and finds out whether the batch was among it.
int CommandStream::catch_up(const Channel& channel, bool& has_run) {
    UniqueFd fence;
    // Without a fence the number itself is waited for: it comes if the batch was sent.
    if (transfer(channel, {}, nullptr, &fence) < 0) {
        has_run = true;
        return wait_for_seqno(last_seqno_);
    }
    if (const int error = wait_readable(channel, fence.get()); error < 0) return error;
    has_run = reached(last_seqno_);
    return lost() ? -EIO : 0;
}

/// A blob that takes the object and needs nothing else, closed at once.
void CommandStream::give_up_object(const Channel& channel,
                                   const virtgpu::ResourceCreateBlob& refused) {
    virtgpu::ResourceCreateBlob blob = refused;
    blob.blob_flags = 0;
    blob.cmd = 0;
    blob.cmd_size = 0;
    if (create_counted_blob(channel, blob) < 0) return;
    drm_gem_close close{blob.bo_handle, 0};
    channel.ioctl(DRM_IOCTL_GEM_CLOSE, &close);
}

int CommandStream::create_counted_blob(const Channel& channel, virtgpu::ResourceCreateBlob& blob) {
    ++blobs_begun_;
    const int error = channel.ioctl(kVirtgpuCreateBlob, &blob);
    ++blobs_ended_;
    return error;
}

}  // namespace viaduct::guest
