// RESOURCE_CREATE and the transfers: what virgl contexts use, and native ones do not.
#include "blob/memfd.h"
#include "tests/loopback/client/gpu_file.h"

namespace viaduct::loopback {

using namespace wire::virtgpu;

int GpuFile::on_resource_create(void* argument) {
    auto& request = *static_cast<ResourceCreate*>(argument);
    if (const int status = ensure_context(); status != 0) return status;
    auto buffer = std::make_shared<Buffer>();
    // virtio_gpu_resource_create_ioctl: no size means one page.
    buffer->size = round_up_to_page(request.size == 0 ? 1 : request.size);
    auto pages = create_sealed_memfd("virtio-gpu-backing", buffer->size);
    if (!pages) return -ENOMEM;
    buffer->memory = std::move(*pages);
    Packet packet = Packet::request(MessageType::kCreateClassic);
    packet.descriptors.push_back(buffer->memory.duplicate());
    if (!packet.descriptors.back()) return -EMFILE;
    buffer->resource_id = next_resource_id();
    packet.set_body(
        CreateClassic{{buffer->resource_id.value(), request.target, request.format, request.bind,
                       request.width, request.height, request.depth, request.array_size,
                       request.last_level, request.nr_samples, request.flags},
                      0,
                      buffer->size});
    if (!connection_->post(packet)) return -EIO;
    request.res_handle = buffer->resource_id.value();
    request.bo_handle = buffers_.add(buffer).value();
    return 0;
}

int GpuFile::on_transfer_from_host(void* argument) {
    return transfer(*static_cast<wire::virtgpu::Transfer*>(argument), false);
}

int GpuFile::on_transfer_to_host(void* argument) {
    return transfer(*static_cast<wire::virtgpu::Transfer*>(argument), true);
}

int GpuFile::transfer(const wire::virtgpu::Transfer& request, bool to_host) {
    if (const int status = ensure_context(); status != 0) return status;
    const BufferPtr buffer = buffers_.find(GemHandle(request.bo_handle));
    if (!buffer) return -ENOENT;
    if (buffer->blob_mem == BlobMem::kGuest) return -EINVAL;
    // Strides are for blobs; the host knows those of classic resources.
    const bool is_blob = buffer->blob_mem != BlobMem{};
    if (!is_blob && (request.stride != 0 || request.layer_stride != 0)) return -EINVAL;
    const TransferBox& box = request.box;
    Packet packet = Packet::request(MessageType::kTransfer);
    const std::lock_guard lock(submit_mutex_);
    const auto fence = fences_.add(kGlobalRing);
    packet.set_body(loopback::Transfer{buffer->resource_id.value(),
                                       to_host ? 1u : 0u,
                                       {box.x, box.y, box.z, box.w, box.h, box.d},
                                       request.level,
                                       request.stride,
                                       request.layer_stride,
                                       0,
                                       request.offset,
                                       fence.token});
    buffer->reservation->add(id_, kGlobalRing, fence.fence);
    return connection_->post(packet) ? 0 : -EIO;
}

}  // namespace viaduct::loopback
