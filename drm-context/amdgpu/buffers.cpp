// GEM_NEW, SET_METADATA, BO_QUERY_INFO.
#include <amdgpu_drm.h>

#include <algorithm>

#include "drm-context/amdgpu/amdgpu_context.h"
#include "drm-context/amdgpu/image_layout.h"

namespace viaduct::amdgpu {

namespace w = wire::amdgpu;

namespace {

constexpr uint32_t kMemoryDomains =
    AMDGPU_GEM_DOMAIN_CPU | AMDGPU_GEM_DOMAIN_GTT | AMDGPU_GEM_DOMAIN_VRAM;
constexpr uint32_t kOnChipDomains =
    AMDGPU_GEM_DOMAIN_GDS | AMDGPU_GEM_DOMAIN_GWS | AMDGPU_GEM_DOMAIN_OA;

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
        return fail(EINVAL, "invalid buffer size {:#x}", wanted.alloc_size);
    return {};
}

}  // namespace

Status AmdgpuContext::gem_new(Request& request) {
    auto wanted = request.as<w::GemNewRequest>();
    if (auto status = check_domains(wanted); !status) return status;
    // Without the flag the GPU snoops the CPU's caches, and the guest is told to use them.
    if (account().limits().cached_system_memory)
        wanted.flags &= ~uint64_t{AMDGPU_GEM_CREATE_CPU_GTT_USWC};
    const uint64_t size = round_up_to_page(wanted.alloc_size);
    Status status = check_new_object(wanted, objects());
    if (status) {
        auto charge = account().charge(place_of(wanted), size);
        status = charge ? make_charged_object(wanted, size, *std::move(charge))
                        : tl::unexpected(charge.error());
        // No memory, within the budget or on the GPU: the buffer is never created, and the guest
        // finds out when it asks for it. Its context is not lost.
        if (!status && status.error().code == ENOMEM) return status;
    }
    if (!status) losses().count();
    if (status && control().exists()) refresh_heaps();
    return status;
}

// GDS, GWS and OA are a few slots for all users of the device; doorbells and MMIO pages are its
// registers. Drivers try the former and do without, so a refusal costs no context.
Status AmdgpuContext::check_domains(const w::GemNewRequest& wanted) {
    const bool on_chip = account().limits().allows(DeviceWide::kOnChip);
    const uint32_t allowed = on_chip ? kMemoryDomains | kOnChipDomains : kMemoryDomains;
    if ((wanted.preferred_heap & ~allowed) == 0) return {};
    ++account().counters().refusals;
    return fail(EACCES, "this VM may not have buffers in domains {:#x}{}", wanted.preferred_heap,
                (wanted.preferred_heap & ~(kMemoryDomains | kOnChipDomains)) == 0
                    ? " (allow = \"gds\")"
                    : "");
}

Result<GemReference> AmdgpuContext::make_kernel_buffer(const w::GemNewRequest& wanted) {
    drm_amdgpu_gem_create args{};
    args.in.bo_size = wanted.alloc_size;
    args.in.alignment = wanted.phys_alignment;
    args.in.domains = wanted.preferred_heap;
    args.in.domain_flags = wanted.flags;
    const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_CREATE, &args);
    if (error == -ENOMEM) note_refused_buffer(wanted);
    if (error < 0)
        return fail(
            -error,
            "the kernel refused a buffer of {} bytes, domains {:#x}, flags {:#x} (errno {})",
            wanted.alloc_size, wanted.preferred_heap, wanted.flags, -error);
    note_created_buffer(wanted.alloc_size);
    return GemReference(gem(), GemHandle(args.out.handle));
}

Status AmdgpuContext::make_charged_object(const w::GemNewRequest& wanted, uint64_t size,
                                          MemoryCharge charge) {
    auto buffer = make_kernel_buffer(wanted);
    if (!buffer) return tl::unexpected(buffer.error());
    if (wanted.flags & AMDGPU_GEM_CREATE_VM_ALWAYS_VALID)
        always_valid_.insert_or_assign(buffer->get(), wanted);
    return objects().add_unclaimed(
        wanted.blob_id,
        BufferObject{*std::move(buffer), size, cache_of(wanted), std::move(charge)});
}

// The kernel exports no buffer that is always valid (amdgpu_dma_buf.c: amdgpu_gem_prime_export()),
// and whether it will be shared is said only here, after GEM_NEW. Nothing knows the buffer yet, so
// another takes its place: one that can be exported, and is listed in every submission instead.
Status AmdgpuContext::object_claimed(BufferObject& object, BlobKind kind) {
    const auto created = always_valid_.extract(object.handle.get());
    if (!created || kind != BlobKind::kDmabuf) return {};
    w::GemNewRequest wanted = created.mapped();
    wanted.flags &= ~uint64_t{AMDGPU_GEM_CREATE_VM_ALWAYS_VALID};
    object.handle = GemReference();
    auto buffer = make_kernel_buffer(wanted);
    if (!buffer) return tl::unexpected(buffer.error());
    object.handle = *std::move(buffer);
    always_listed_.insert(object.handle.get());
    return {};
}

// GemHandleTable's hook: the kernel has dropped the handle and its mappings.
void AmdgpuContext::handle_closed(GemHandle handle) {
    always_valid_.erase(handle);
    always_listed_.erase(handle);
    user_fences_.drop_pages(handle);
    drop_mappings(handle);
}

Status AmdgpuContext::set_metadata(Request& request) {
    const auto wanted = request.as<w::SetMetadataRequest>();
    std::span<const std::byte> bytes;
    if (wanted.size_metadata > w::kMaxMetadata ||
        !request.payload(sizeof(wanted), wanted.size_metadata, &bytes))
        return fail(EINVAL, "{} bytes of metadata exceed the request or the kernel's maximum",
                    wanted.size_metadata);
    BufferObject* object = objects().find_resource(ResourceId(wanted.res_id));
    if (!object) return fail(EINVAL, "resource {} is not attached here", wanted.res_id);

    drm_amdgpu_gem_metadata args{};
    args.handle = object->handle.get().value();
    args.op = AMDGPU_GEM_METADATA_OP_SET_METADATA;
    args.data.flags = wanted.flags;
    args.data.tiling_info = wanted.tiling_info;
    args.data.data_size_bytes = wanted.size_metadata;
    static_assert(sizeof(args.data.data) == w::kMaxMetadata);
    std::memcpy(args.data.data, bytes.data(), bytes.size());
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &args); error < 0)
        return fail(-error, "resource {} (errno {})", wanted.res_id, -error);
    // Drivers describe a buffer when they export it as an image, and no others (mesa:
    // radv_get_memory_fd(), si_texture_get_handle()). So few are looked at, although nearly all are
    // created as ones that can be shared.
    if (object->readers == Readers::kNone && object->size >= kSmallestShown)
        object->readers = Readers::kUnchecked;
    return {};
}

Result<drm_amdgpu_gem_create_in> AmdgpuContext::creation_of(GemHandle gem_handle) {
    drm_amdgpu_gem_create_in created{};
    drm_amdgpu_gem_op op{};
    op.handle = gem_handle.value();
    op.op = AMDGPU_GEM_OP_GET_GEM_CREATE_INFO;
    op.value = reinterpret_cast<uint64_t>(&created);
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_OP, &op); error < 0)
        return fail(-error, "the kernel does not describe buffer {} (errno {})", gem_handle,
                    -error);
    return created;
}

Result<drm_amdgpu_gem_metadata> AmdgpuContext::metadata_of(GemHandle gem_handle) {
    drm_amdgpu_gem_metadata metadata{};
    metadata.handle = gem_handle.value();
    metadata.op = AMDGPU_GEM_METADATA_OP_GET_METADATA;
    if (const int error = device().ioctl(DRM_IOCTL_AMDGPU_GEM_METADATA, &metadata); error < 0)
        return fail(-error, "the kernel refused metadata of buffer {} (errno {})", gem_handle,
                    -error);
    return metadata;
}

ImageLayout AmdgpuContext::layout_of(GemHandle gem_handle) {
    const auto metadata = metadata_of(gem_handle);
    drm_amdgpu_info_device chip{};
    if (!metadata || query_kernel(device(), AMDGPU_INFO_DEV_INFO, &chip, sizeof(chip)) < 0)
        return {};
    return read_layout(*metadata, chip.family);
}

// For a submission that lists a buffer the kernel waits for the work of other files on it, unless
// it was created EXPLICIT_SYNC (amdgpu_cs.c: amdgpu_cs_sync_rings()). Those of other devices are
// not described, and waited for.
void AmdgpuContext::check_readers(BufferObject& object) {
    const auto created = creation_of(object.handle.get());
    const bool explicit_sync = created && created->domain_flags & AMDGPU_GEM_CREATE_EXPLICIT_SYNC;
    object.readers = explicit_sync ? Readers::kGuarded : Readers::kNone;
}

Status AmdgpuContext::bo_query_info(Request& request) {
    const auto wanted = request.as<w::BoQueryInfoRequest>();
    if (wanted.pad != 0) return fail(EINVAL, "pad is {:#x}, not 0", wanted.pad);
    const BufferObject* object = objects().find_resource(ResourceId(wanted.res_id));
    if (!object) return fail(EINVAL, "resource {} is not attached here", wanted.res_id);

    const auto metadata = metadata_of(object->handle.get());
    if (!metadata)
        return fail(metadata.error().code, "resource {}: {}", wanted.res_id,
                    metadata.error().message);
    const auto created = creation_of(object->handle.get());
    if (!created)
        return fail(created.error().code, "resource {}: {}", wanted.res_id,
                    created.error().message);

    w::BoQueryInfoResponse response{};
    response.alloc_size = created->bo_size;
    response.phys_alignment = created->alignment;
    response.preferred_heap = static_cast<uint32_t>(created->domains);
    response.alloc_flags = created->domain_flags;
    response.metadata_flags = metadata->data.flags;
    response.tiling_info = metadata->data.tiling_info;
    response.size_metadata = std::min(metadata->data.data_size_bytes, w::kMaxMetadata);
    std::memcpy(response.umd_metadata, metadata->data.data, response.size_metadata);
    request.respond(response);
    return {};
}

}  // namespace viaduct::amdgpu
