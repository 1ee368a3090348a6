// GEM_CREATE.
#include "drm-context/xe/xe_context.h"

namespace viaduct::xe {

namespace w = wire::xe;

namespace {

MapCache cache_of(const w::GemCreateRequest& wanted) {
    return wanted.cpu_caching == uapi::xe::kCachingWriteBack ? MapCache::kCached
                                                             : MapCache::kWriteCombined;
}

}  // namespace

// Without a VM, whatever the guest names: an object of a VM can never be shared (xe_bo.c:
// xe_gem_prime_export()), and whether it will be is said only later. The caching is the guest's: on
// chips without a shared cache it has to fit the PAT index that the guest maps it with.
Status XeContext::gem_create(Request& request) {
    const auto wanted = request.as<w::GemCreateRequest>();
    Status status = objects().check_unclaimed(wanted.blob_id);
    if (!status) return status;
    const MemoryPlace place =
        wanted.placement & vram_placements_ ? MemoryPlace::kLocal : MemoryPlace::kSystem;
    const uint64_t size = round_up_to_page(wanted.size);
    if (size == 0) return fail(EINVAL, "invalid buffer size {:#x}", wanted.size);
    auto charge = account().charge(place, size);
    auto buffer =
        charge ? make_kernel_buffer(wanted) : Result<GemReference>(tl::unexpected(charge.error()));
    if (!buffer) {
        // It is never created; the guest finds out when it maps or binds it.
        ++failed_buffers_;
        return tl::unexpected(buffer.error());
    }
    return objects().add_unclaimed(
        wanted.blob_id,
        BufferObject{*std::move(buffer), size, cache_of(wanted), *std::move(charge)});
}

Result<GemReference> XeContext::make_kernel_buffer(const w::GemCreateRequest& wanted) {
    uapi::xe::GemCreate args{};
    args.size = wanted.size;
    args.placement = wanted.placement;
    args.flags = wanted.flags;
    args.cpu_caching = wanted.cpu_caching;
    if (const int error = device().ioctl(uapi::xe::kGemCreate, &args); error < 0)
        return fail(-error,
                    "the kernel refused a buffer of {} bytes, placement {:#x}, flags {:#x}, "
                    "caching {} (errno {})",
                    wanted.size, wanted.placement, wanted.flags, wanted.cpu_caching, -error);
    return GemReference(gem(), GemHandle(args.handle));
}

Status XeContext::object_claimed(BufferObject& object, BlobKind kind) {
    if (kind == BlobKind::kDmabuf && object.size >= kSmallestShown)
        object.readers = Readers::kGuarded;
    // Mappings keep the memory, and so the charge, beyond the handle.
    memories_[object.handle.get()] =
        std::make_shared<BufferMemory>(BufferMemory{std::move(object.charge)});
    return {};
}

/// Of an open handle. Imported buffers get one of no charge when they are first bound.
BufferMemoryPtr XeContext::memory_of(GemHandle gem_handle) {
    BufferMemoryPtr& memory = memories_[gem_handle];
    if (!memory) memory = std::make_shared<BufferMemory>();
    return memory;
}

}  // namespace viaduct::xe
