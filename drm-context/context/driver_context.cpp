#include "drm-context/context/driver_context.h"

#include "blob/mapping.h"
#include "blob/memfd.h"
#include "drm-context/device/set_client_name.h"
#include "drm-context/device/syncobj.h"

namespace viaduct {

namespace {

constexpr uint32_t kBlobFlags = 7;  // VIRGL_RENDERER_BLOB_FLAG_USE_*

Readers may_be_shown(uint64_t size) {
    return size < kSmallestShown ? Readers::kNone : Readers::kUnchecked;
}

}  // namespace

void DriverContext::set_name(std::string name, const std::string& client_name) {
    name_ = std::move(name);
    DrmSetClientName request{client_name.size(), reinterpret_cast<uint64_t>(client_name.data())};
    device_->ioctl(kSetClientName, &request);  // an older kernel refuses; it only helps people
}

Status DriverContext::adopt_control_buffer(const UniqueFd& memory) {
    if (auto status = control_.adopt(memory, traits_.area_offset()); !status) return status;
    control_created();
    return {};
}

Result<BlobObject> DriverContext::create_blob(const BlobRequest& request) {
    if (request.blob_flags & ~kBlobFlags)
        return fail(EINVAL, "unknown blob flags {:#x}", request.blob_flags);
    if (request.blob_id == 0) return fail(EINVAL, "blob 0 is the control buffer");
    if (objects_.has_resource(request.res_id))
        return fail(EINVAL, "resource {} already exists in this context", request.res_id);
    auto object = objects_.claim(request.blob_id);
    if (!object) return tl::unexpected(object.error());
    if (request.size == 0 || round_up_to_page(request.size) > object->size ||
        round_up_to_page(request.size) == 0)
        return fail(EINVAL, "blob of {} bytes does not fit an object of {} bytes", request.size,
                    object->size);
    if (auto status = object_claimed(*object, request.kind()); !status)
        return tl::unexpected(status.error());
    BlobObject blob{object->cache, UniqueFd()};
    if (request.kind() == BlobKind::kDmabuf) {
        auto dmabuf = export_dmabuf(object->handle.get());
        if (!dmabuf) return tl::unexpected(dmabuf.error());
        blob.fd = *std::move(dmabuf);
    }
    objects_.add_resource(request.res_id, *std::move(object));
    return blob;
}

Result<MapSource> DriverContext::map_source(ResourceId res_id) {
    const BufferObject* object = objects_.find_resource(res_id);
    if (!object) return fail(EINVAL, "resource {} does not exist in this context", res_id);
    auto offset = mmap_offset(object->handle.get());
    if (!offset) return tl::unexpected(offset.error());
    return device_->map_source(*offset);
}

std::optional<DriverContext::Unclaimed> DriverContext::describe_unclaimed(uint64_t blob_id) {
    const BufferObject* object = objects_.find_unclaimed(blob_id);
    if (!object) return {};
    const auto offset = mmap_offset(object->handle.get());
    return Unclaimed{
        object->size, object->cache,
        offset ? device_->map_source(*offset) : Result<MapSource>(tl::unexpected(offset.error())),
        is_replaced_when_shared(*object)};
}

Result<Mapping> DriverContext::map_buffer(GemHandle gem_handle, uint64_t offset, size_t size) {
    const auto start = mmap_offset(gem_handle);
    if (!start) return tl::unexpected(start.error());
    const auto source = device_->map_source(*start);
    if (!source) return tl::unexpected(source.error());
    return Mapping::map_shared(source->fd ? source->fd.get() : device_->fd(),
                               source->offset + offset, size);
}

Result<UniqueFd> DriverContext::export_blob(ResourceId res_id) {
    const BufferObject* object = objects_.find_resource(res_id);
    if (!object) return fail(EINVAL, "resource {} does not exist in this context", res_id);
    return export_dmabuf(object->handle.get());
}

Result<ImageLayout> DriverContext::image_layout(ResourceId res_id) {
    const BufferObject* object = objects_.find_resource(res_id);
    if (!object) return fail(EINVAL, "resource {} does not exist in this context", res_id);
    return layout_of(object->handle.get());
}

Result<UniqueFd> DriverContext::export_dmabuf(GemHandle gem_handle) {
    drm_prime_handle prime{};
    prime.handle = gem_handle.value();
    prime.flags = DRM_CLOEXEC | DRM_RDWR;
    if (const int error = device_->ioctl(DRM_IOCTL_PRIME_HANDLE_TO_FD, &prime); error < 0)
        return fail(-error, "the kernel refused to export buffer {} (errno {})", gem_handle,
                    -error);
    return UniqueFd(prime.fd);
}

// The dma-buf is not kept: a descriptor for each buffer would be one of the VMM's where workers are
// threads, and would hold the memory after the guest has freed it. The kernel has one dma-buf for
// an object, as long as anybody has a descriptor of it, and its fences are the object's in any
// case.
Result<UniqueFd> DriverContext::unfinished_uses(GemHandle buffer) {
    const auto dmabuf = export_dmabuf(buffer);
    if (!dmabuf) return tl::unexpected(dmabuf.error());
    return device_->unfinished_uses(dmabuf->get());
}

UniqueFd DriverContext::wait_for_users(UniqueFd in_fence, std::span<const GemHandle> buffers) {
    for (const GemHandle buffer : buffers) {
        auto uses = unfinished_uses(buffer);
        if (uses && has_signalled(uses->get())) continue;
        if (uses && in_fence) uses = device_->merge_sync_files(uses->get(), in_fence.get());
        if (uses)
            in_fence = *std::move(uses);
        else
            limiter_.log(LogLevel::kWarning, "overwritten frames",
                         "{}: a frame may be overwritten while the host reads it: {}", name_,
                         uses.error().message);
    }
    return in_fence;
}

Status DriverContext::attach_resource(ResourceId res_id, UniqueFd dmabuf) {
    if (objects_.has_resource(res_id)) return {};
    const auto size = object_size(dmabuf.get());
    if (!size) return tl::unexpected(size.error());
    drm_prime_handle prime{};
    prime.fd = dmabuf.get();
    if (const int error = device_->ioctl(DRM_IOCTL_PRIME_FD_TO_HANDLE, &prime); error < 0)
        return fail(-error, "resource {} cannot be imported (errno {})", res_id, -error);
    objects_.add_resource(res_id, {.handle = GemReference(gem_, GemHandle(prime.handle)),
                                   .size = *size,
                                   .readers = may_be_shown(*size)});
    return {};
}

}  // namespace viaduct
