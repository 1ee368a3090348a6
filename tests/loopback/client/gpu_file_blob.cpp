// Blobs of the emulated driver: creation, mapping, sharing, waiting.
#include <drm.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "blob/memfd.h"
#include "tests/loopback/client/gpu_file.h"

namespace viaduct::loopback {

using namespace wire::virtgpu;
using simgpu::drm::FencePtr;

namespace {

constexpr uint32_t kBlobFlags = kBlobMappable | kBlobShareable | kBlobCrossDevice;
/// virtgpu_ioctl.c, virtio_gpu_wait_ioctl.
constexpr std::chrono::seconds kWaitTimeout{15};

/// The checks of verify_blob, and what the blob's storage is.
int check_blob(const ResourceCreateBlobHints& request) {
    const ResourceCreateBlob& blob = request.base;
    if (blob.blob_flags & ~kBlobFlags) return -EINVAL;
    if (blob.blob_flags & kBlobCrossDevice) return -EINVAL;  // no UUID feature
    if (request.blob_hints & ~kBlobHintDeferMapping) return -EINVAL;
    switch (blob.blob_mem) {
        case BlobMem::kGuest:
            if (blob.blob_id != 0 || blob.cmd_size != 0) return -EINVAL;
            break;
        case BlobMem::kHost3d:
        case BlobMem::kHost3dGuest:
            if (blob.cmd_size % 4 != 0) return -EINVAL;
            break;
        default:
            return -EINVAL;
    }
    if (blob.cmd_size != 0 && blob.cmd == 0) return -EFAULT;
    return round_up_to_page(blob.size) == 0 ? -EINVAL : 0;
}

Packet resource_request(MessageType type, ResourceId resource_id, uint32_t no_wait = 0) {
    Packet packet = Packet::request(type);
    packet.set_body(ResourceRequest{resource_id.value(), no_wait});
    return packet;
}

}  // namespace

int GpuFile::on_resource_create_blob(void* argument) {
    auto& request = *static_cast<ResourceCreateBlobHints*>(argument);
    ResourceCreateBlob& blob = request.base;
    if (const int status = check_blob(request); status != 0) return status;
    // Linux 7.2, verify_blob: nothing is rounded up for the program.
    if (device().blob_alignment != 0 && blob.size % device().blob_alignment != 0) return -EINVAL;
    if (const int status = ensure_context(); status != 0) return status;
    auto buffer = std::make_shared<Buffer>();
    buffer->blob_mem = blob.blob_mem;
    buffer->blob_flags = blob.blob_flags;
    buffer->size = round_up_to_page(blob.size);
    Packet packet = Packet::request(MessageType::kCreateBlob);
    if (blob.blob_mem != BlobMem::kHost3d) {
        auto pages = create_sealed_memfd("virtio-gpu-guest-blob", buffer->size);
        if (!pages) return -ENOMEM;
        buffer->memory = std::move(*pages);
        packet.descriptors.push_back(buffer->memory.duplicate());
        if (!packet.descriptors.back()) return -EMFILE;
    }
    if (blob.cmd_size != 0)
        packet.append_payload(reinterpret_cast<const void*>(blob.cmd), blob.cmd_size);
    buffer->resource_id = next_resource_id();
    packet.set_body(CreateBlob{buffer->resource_id.value(), static_cast<uint32_t>(blob.blob_mem),
                               blob.blob_flags, request.blob_hints & kBlobHintDeferMapping,
                               buffer->size, blob.blob_id});
    if (const int status = send_create_blob(packet); status != 0) return status;
    blob.res_handle = buffer->resource_id.value();
    blob.bo_handle = buffers_.add(buffer).value();
    return 0;
}

/// The host's answer is waited for only where the kernel's own part may fail: it runs on the
/// server, which all processes share. What the host itself refuses shows when the blob is mapped.
int GpuFile::send_create_blob(Packet& packet) {
    if (!device().window_may_fill) return connection_->post(packet) ? 0 : -EIO;
    const auto reply = connection_->call(packet);
    if (reply) return 0;
    const int code = reply.error().code;
    return code == ENOSPC || code == EIO ? -code : 0;
}

int GpuFile::on_gem_close(void* argument) {
    const auto& request = *static_cast<drm_gem_close*>(argument);
    const std::lock_guard lock(prime_mutex_);
    const BufferPtr buffer = buffers_.remove(GemHandle(request.handle));
    if (!buffer) return -EINVAL;
    Packet packet = resource_request(MessageType::kCloseResource, buffer->resource_id);
    return connection_->post(packet) ? 0 : -EIO;
}

int GpuFile::on_map(void* argument) {
    auto& request = *static_cast<Map*>(argument);
    const BufferPtr buffer = buffers_.find(GemHandle(request.handle));
    if (!buffer) return -ENOENT;
    request.offset = buffer->mmap_offset;
    return 0;
}

int GpuFile::on_resource_info(void* argument) {
    auto& request = *static_cast<ResourceInfo*>(argument);
    const BufferPtr buffer = buffers_.find(GemHandle(request.bo_handle));
    if (!buffer) return -ENOENT;
    request.res_handle = buffer->resource_id.value();
    request.size = static_cast<uint32_t>(buffer->size);
    request.blob_mem = static_cast<uint32_t>(buffer->blob_mem);
    return 0;
}

/// Asks the host for what to map. Nothing is kept: a mapping takes no descriptor of a guest's
/// program.
int GpuFile::fetch_memory(const Buffer& buffer, simgpu::MapSource& source) {
    Packet packet = resource_request(MessageType::kMapBlob, buffer.resource_id);
    auto reply = connection_->call(packet);
    if (!reply) return -reply.error().code;
    const auto blob = reply->body_as<BlobDescriptor>();
    source.fd = reply->take_descriptor(0);
    if (!blob || !source.fd) return -EIO;
    source.offset = blob->offset;
    return 0;
}

tl::expected<simgpu::MapSource, int> GpuFile::map_source(uint64_t mmap_offset) {
    const BufferPtr buffer = buffers_.find_by_offset(mmap_offset);
    if (!buffer) return tl::unexpected(EINVAL);
    const bool is_host3d = buffer->blob_mem == BlobMem::kHost3d;
    if (is_host3d && !(buffer->blob_flags & kBlobMappable)) return tl::unexpected(EINVAL);
    simgpu::MapSource source;
    source.size = buffer->size;
    const std::lock_guard lock(buffer->mutex);
    if (buffer->memory.valid()) {
        source.fd = buffer->memory.duplicate();
        if (!source.fd) return tl::unexpected(EMFILE);
    } else if (fetch_memory(*buffer, source) != 0) {
        return tl::unexpected(EINVAL);
    }
    return source;
}

int GpuFile::on_wait(void* argument) {
    const auto& request = *static_cast<Wait*>(argument);
    const BufferPtr buffer = buffers_.find(GemHandle(request.handle));
    if (!buffer) return -ENOENT;
    const auto fences = buffer->reservation->pending();
    const bool no_wait = request.flags & kWaitNoWait;
    if (no_wait && !fences.empty()) return -EBUSY;
    const auto deadline = std::chrono::steady_clock::now() + kWaitTimeout;
    for (const FencePtr& fence : fences)
        if (!fence->wait_until(deadline)) return -EBUSY;
    {
        const std::lock_guard lock(buffer->mutex);
        if (!buffer->shared) return 0;
    }
    Packet packet = resource_request(MessageType::kWaitResource, buffer->resource_id, no_wait);
    const auto reply = connection_->call(packet);
    return reply ? 0 : -reply.error().code;
}

int GpuFile::on_prime_handle_to_fd(void* argument) {
    auto& request = *static_cast<drm_prime_handle*>(argument);
    if (request.flags & ~static_cast<uint32_t>(DRM_CLOEXEC | DRM_RDWR)) return -EINVAL;
    const BufferPtr buffer = buffers_.find(GemHandle(request.handle));
    if (!buffer) return -ENOENT;
    // Always asked of the server, guest memory too: it knows by then what the descriptor is, and
    // counts it among what keeps the resource.
    Packet packet = resource_request(MessageType::kExportBlob, buffer->resource_id);
    auto reply = connection_->call(packet);
    if (!reply) return -reply.error().code;
    UniqueFd fd = reply->take_descriptor(0);
    if (!fd) return -EMFILE;
    if (!(request.flags & DRM_CLOEXEC)) ::fcntl(fd.get(), F_SETFD, 0);
    if (const auto memory = simgpu::drm::memory_of(fd.get())) buffer->reservation->share(*memory);
    const std::lock_guard lock(buffer->mutex);
    buffer->shared = true;
    request.fd = fd.release();
    return 0;
}

int GpuFile::on_prime_fd_to_handle(void* argument) {
    auto& request = *static_cast<drm_prime_handle*>(argument);
    struct stat status {};
    if (::fstat(request.fd, &status) != 0) return -EBADF;
    if (const int code = ensure_context(); code != 0) return code;
    const std::lock_guard lock(prime_mutex_);
    Packet packet = Packet::request(MessageType::kImportBlob);
    packet.set_body(ImportBlob{status.st_dev, status.st_ino});
    const auto reply = connection_->call(packet);
    if (!reply) return -reply.error().code;
    const auto imported = reply->body_as<ImportReply>();
    if (!imported) return -EIO;
    const ResourceId resource_id(imported->resource_id);
    request.handle = buffers_.handle_of_resource(resource_id).value();
    if (request.handle != 0) return 0;
    auto buffer = std::make_shared<Buffer>();
    buffer->resource_id = resource_id;
    buffer->blob_mem = static_cast<BlobMem>(imported->blob_mem);
    buffer->blob_flags = imported->blob_flags;
    buffer->size = imported->size;
    buffer->shared = true;
    buffer->reservation = simgpu::drm::Reservation::of_memory({status.st_dev, status.st_ino});
    request.handle = buffers_.add(buffer).value();
    return 0;
}

}  // namespace viaduct::loopback
