// GEM_CREATE, GEM_MMAP_OFFSET.
#include "guest-mesa/layer/blob_granule.h"
#include "guest-mesa/layer/debug.h"
#include "guest-mesa/layer/xe/driver.h"

namespace viaduct::guest::xe {

int Driver::gem_create(const Channel& channel, uapi::xe::GemCreate& arg) {
    IoctlNotes::add("size={:#x} placement={:#x} flags={:#x} vm={} caching={}", uint64_t{arg.size},
                    arg.placement, arg.flags, arg.vm_id, arg.cpu_caching);
    if (arg.handle != 0 || arg.extensions != 0 || arg.pad[0] || arg.pad[1] || arg.pad[2])
        return -EINVAL;
    if (arg.size == 0 || arg.size % blob_granule_ != 0) return -EINVAL;
    auto request = make_request<wire::GemCreateRequest>(wire::Command::kGemCreate);
    request.size = arg.size;
    request.placement = arg.placement;
    request.flags = arg.flags;
    request.vm_id = arg.vm_id;
    request.blob_id = next_blob_id_.fetch_add(1, std::memory_order_relaxed);
    request.cpu_caching = arg.cpu_caching;

    // Drivers make a buffer in a VM if they will not share it: no other can be exported, and so it
    // costs the monitor no descriptor.
    const bool of_vm = arg.vm_id != 0;
    virtgpu::ResourceCreateBlob blob{};
    const auto create = [&] {
        blob = {};
        blob.blob_mem = virtgpu::BlobMem::kHost3d;
        blob.blob_flags = virtgpu::kBlobMappable | (of_vm ? 0 : virtgpu::kBlobShareable);
        blob.blob_id = request.blob_id;
        blob.size = arg.size;
        bool confirmed = false;
        return stream().create_blob(channel, as_bytes(request), blob, confirmed);
    };
    int error = create();
    // Buffers leave the window when the host has answered, and a blob that finds it full has waited
    // for that.
    if (error == -ENOSPC) {
        request.blob_id = next_blob_id_.fetch_add(1, std::memory_order_relaxed);
        error = create();
    }
    if (error < 0) return error == -ENOSPC ? -ENOMEM : error;
    session_.gems.insert(GemHandle(blob.bo_handle),
                         {ResourceId(blob.res_handle), arg.size, false, of_vm});
    arg.handle = blob.bo_handle;
    IoctlNotes::add("handle={} resource={}", blob.bo_handle, blob.res_handle);
    return 0;
}

int Driver::gem_mmap_offset(const Channel& channel, uapi::xe::GemMmapOffset& arg) {
    if (arg.flags != 0) return -EINVAL;
    virtgpu::Map map{0, arg.handle, 0};
    IoctlNotes::add("handle={}", arg.handle);
    if (const int error = channel.ioctl(kVirtgpuMap, &map); error < 0) return error;
    arg.offset = map.offset;
    return 0;
}

int Driver::prepare_export(const Channel& channel, GemHandle handle) {
    const auto object = session_.gems.find(channel, handle);
    if (!object) return -ENOENT;
    return object->always_valid ? -EPERM : 0;  // of a VM
}

}  // namespace viaduct::guest::xe
