// GEM_NEW, BO_VA_OP, SET_METADATA, BO_QUERY_INFO.
#include <amdgpu_drm.h>

#include <algorithm>

#include "drm-context/amdgpu/amdgpu_context.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

namespace {

MapCache cache_of(const w::GemNewRequest& wanted) {
    const bool cached = wanted.preferred_heap == AMDGPU_GEM_DOMAIN_GTT &&
                        (wanted.flags & AMDGPU_GEM_CREATE_CPU_GTT_USWC) == 0;
    return cached ? MapCache::kCached : MapCache::kWriteCombined;
}

// VRAM where the kernel may choose: it is what it tries first.
MemoryPlace place_of(const w::GemNewRequest& wanted) {
    return wanted.preferred_heap & AMDGPU_GEM_DOMAIN_VRAM ? MemoryPlace::kLocal
                                                          : MemoryPlace::kSystem;
}

Status check_new_object(const w::GemNewRequest& wanted, const ObjectTables& objects) {
    if (wanted.pad != 0) return fail(EINVAL, "pad is {:#x}, not 0", wanted.pad);
    if (auto status = objects.check_unclaimed(wanted.blob_id); !status) return status;
    if (round_up_to_page(wanted.alloc_size) == 0)
        return fail(EINVAL, "a buffer cannot have {:#x} bytes", wanted.alloc_size);
    return {};
}

}  // namespace

Status AmdgpuContext::gem_new(Request& request) {
    auto wanted = request.as<w::GemNewRequest>();
    // Without the flag the GPU snoops the CPU's caches, and the guest is told to use them.
    if (account().limits().cached_system_memory)
        wanted.flags &= ~uint64_t{AMDGPU_GEM_CREATE_CPU_GTT_USWC};
    const uint64_t size = round_up_to_page(wanted.alloc_size);
    Status status = check_new_object(wanted, objects());
    if (status) {
        auto charge = account().charge(place_of(wanted), size);
        // The guest was told its limit. What is beyond it is a buffer that does not exist, which a
        // guest hears of when it asks for it; its context is not lost.
        if (!charge && charge.error().code == ENOMEM) return tl::unexpected(charge.error());
        status = charge ? make_charged_object(wanted, size, *std::move(charge))
                        : tl::unexpected(charge.error());
    }
    if (!status) count_async_error();
    return status;
}

Status AmdgpuContext::make_charged_object(const w::GemNewRequest& wanted, uint64_t size,
                                          MemoryCharge charge) {
    drm_amdgpu_gem_create args{};
    args.in.bo_size = wanted.alloc_size;
    args.in.alignment = wanted.phys_alignment;
    args.in.domains = wanted.preferred_heap;
    args.in.domain_flags = wanted.flags;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_CREATE, &args); error < 0)
        return fail(
            -error,
            "the kernel refuses a buffer of {} bytes, domains {:#x}, flags {:#x} (errno {})",
            wanted.alloc_size, wanted.preferred_heap, wanted.flags, -error);
    return objects().add_unclaimed(
        wanted.blob_id,
        BufferObject{GemHandle(gem(), args.out.handle), size, cache_of(wanted), std::move(charge)});
}

Status AmdgpuContext::bo_va_op(Request& request) {
    const auto op = request.as<w::BoVaOpRequest>();
    if (op.flags2 & ~w::kVaFlags2Sparse) return fail(EINVAL, "flags2 {:#x} unknown", op.flags2);
    if (op.flags > UINT32_MAX) return fail(EINVAL, "page flags {:#x} unknown", op.flags);
    // What names no buffer: sparse ranges, and clearing whatever is mapped.
    const bool without_buffer =
        (op.flags2 & w::kVaFlags2Sparse) != 0 || (op.op == AMDGPU_VA_OP_CLEAR && op.res_id == 0);
    uint32_t handle = 0;
    if (!without_buffer) {
        // The guest may have closed the buffer already: an error of this command only.
        const BufferObject* object = objects().find_resource(op.res_id);
        if (!object) return fail(EINVAL, "resource {} is not attached here", op.res_id);
        handle = object->handle.get();
    }
    drm_amdgpu_gem_va args{};
    args.handle = handle;
    args.operation = op.op;
    args.flags = static_cast<uint32_t>(op.flags);
    args.va_address = op.va;
    args.offset_in_bo = op.offset;
    args.map_size = op.vm_map_size;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_VA, &args); error < 0) {
        count_async_error();
        return fail(-error, "operation {} on {} bytes at {:#x} of resource {} failed (errno {})",
                    op.op, op.vm_map_size, op.va, op.res_id, -error);
    }
    return {};
}

Status AmdgpuContext::set_metadata(Request& request) {
    const auto wanted = request.as<w::SetMetadataRequest>();
    std::span<const std::byte> bytes;
    if (wanted.size_metadata > w::kMaxMetadata ||
        !request.payload(sizeof(wanted), wanted.size_metadata, &bytes))
        return fail(EINVAL, "{} bytes of metadata are more than came or than fit",
                    wanted.size_metadata);
    BufferObject* object = objects().find_resource(wanted.res_id);
    if (!object) return fail(EINVAL, "resource {} is not attached here", wanted.res_id);

    drm_amdgpu_gem_metadata args{};
    args.handle = object->handle.get();
    args.op = AMDGPU_GEM_METADATA_OP_SET_METADATA;
    args.data.flags = wanted.flags;
    args.data.tiling_info = wanted.tiling_info;
    args.data.data_size_bytes = wanted.size_metadata;
    static_assert(sizeof(args.data.data) == w::kMaxMetadata);
    std::memcpy(args.data.data, bytes.data(), bytes.size());
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &args); error < 0)
        return fail(-error, "resource {} (errno {})", wanted.res_id, -error);
    return {};
}

Status AmdgpuContext::bo_query_info(Request& request) {
    const auto wanted = request.as<w::BoQueryInfoRequest>();
    if (wanted.pad != 0) return fail(EINVAL, "pad is {:#x}, not 0", wanted.pad);
    const BufferObject* object = objects().find_resource(wanted.res_id);
    if (!object) return fail(EINVAL, "resource {} is not attached here", wanted.res_id);

    drm_amdgpu_gem_metadata metadata{};
    metadata.handle = object->handle.get();
    metadata.op = AMDGPU_GEM_METADATA_OP_GET_METADATA;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &metadata); error < 0)
        return fail(-error, "metadata of resource {} (errno {})", wanted.res_id, -error);
    drm_amdgpu_gem_create_in created{};
    drm_amdgpu_gem_op op{};
    op.handle = object->handle.get();
    op.op = AMDGPU_GEM_OP_GET_GEM_CREATE_INFO;
    op.value = reinterpret_cast<uint64_t>(&created);
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_OP, &op); error < 0)
        return fail(-error, "resource {} (errno {})", wanted.res_id, -error);

    w::BoQueryInfoResponse response{};
    response.alloc_size = created.bo_size;
    response.phys_alignment = created.alignment;
    response.preferred_heap = static_cast<uint32_t>(created.domains);
    response.alloc_flags = created.domain_flags;
    response.metadata_flags = metadata.data.flags;
    response.tiling_info = metadata.data.tiling_info;
    response.size_metadata = std::min(metadata.data.data_size_bytes, w::kMaxMetadata);
    std::memcpy(response.umd_metadata, metadata.data.data, response.size_metadata);
    request.respond(response);
    return {};
}

}  // namespace viaduct::amdgpu
