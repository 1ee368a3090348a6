// Renderer: blob resources - creation, mapping, export, import.
#include <sys/mman.h>

#include "renderer/iov.h"
#include "renderer/renderer.h"
#include "renderer/storage/classic.h"
#include "renderer/storage/context.h"
#include "renderer/storage/guest.h"
#include "renderer/storage/imported.h"

namespace viaduct {

namespace {

constexpr uint32_t kKnownBlobFlags = VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE |
                                     VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE |
                                     VIRGL_RENDERER_BLOB_FLAG_USE_CROSS_DEVICE;

// virtio-gpu, the proposed feature CREATE_GUEST_HANDLE: guest memory that the host is to have as a
// dma-buf, because the guest has given up its own way of copying.
constexpr uint32_t kCreateGuestHandle = 8;

// HOST3D blobs have no iovecs. Where guest memory belongs to the blob, it must cover all of it.
bool iovecs_fit(const virgl_renderer_resource_create_blob_args& args) {
    if (args.blob_mem == VIRGL_RENDERER_BLOB_MEM_HOST3D) return args.num_iovs == 0;
    const auto total = total_length(args.iovecs, args.num_iovs);
    return total && *total >= args.size;
}

BlobState state_of(const virgl_renderer_resource_create_blob_args& args) {
    return {ResourceId(args.res_handle), args.size, args.blob_flags};
}

// Given back by detach_iov, as they came.
Attached attached_by(const virgl_renderer_resource_create_blob_args& args) {
    if (args.num_iovs == 0) return {};
    return {const_cast<iovec*>(args.iovecs), static_cast<int>(args.num_iovs)};
}

}  // namespace

int Renderer::create_blob(const virgl_renderer_resource_create_blob_args* args) {
    if (!args) return -EINVAL;
    ContextPtr context;
    {
        const LockGuard lock(mutex_);
        if (!may_create(ResourceId(args->res_handle)) || args->size == 0) return -EINVAL;
        if (args->blob_mem < VIRGL_RENDERER_BLOB_MEM_GUEST ||
            args->blob_mem > VIRGL_RENDERER_BLOB_MEM_HOST3D_GUEST)
            return -EINVAL;
        context = find_context(ContextId(args->ctx_id));
    }
    const bool is_guest = args->blob_mem == VIRGL_RENDERER_BLOB_MEM_GUEST;
    const uint32_t known_flags = is_guest ? kKnownBlobFlags | kCreateGuestHandle : kKnownBlobFlags;
    if ((args->blob_flags & ~known_flags) || !iovecs_fit(*args)) return -EINVAL;
    if (!is_guest && !context) return -EINVAL;
    if (!is_guest && !context->native) return create_classic_blob(*args);
    const int error = is_guest ? create_guest_blob(*args) : create_native_blob(context, *args);
    if (!recorder_) return error;
    recorder_->blob_created(*args, error);
    const auto resource = is_guest && error == 0 ? look_up(ResourceId(args->res_handle)) : nullptr;
    if (resource) record_mapping(resource);
    return error;
}

// A resource is looked at through a mapping of its own, whatever becomes of the VMM's.
void Renderer::record_mapping(const ResourcePtr& resource) {
    if (!recorder_ || !recorder_->wants(resource->id)) return;
    auto view = resource->storage->view();
    if (view)
        recorder_->mapped(resource->id, *std::move(view));
    else
        log_.log(LogLevel::kWarning, "record", "resource {} is not recorded: {}", resource->id,
                 view.error().message);
}

int Renderer::refuse_guest_handle(ResourceId res_id, const Error& error) {
    log_.log(
        LogLevel::kError, "guest_handle",
        "resource {}: no handle can be made of guest memory (blob flag 0x8): {}. Mend that, or "
        "start the VM without the device's feature CREATE_GUEST_HANDLE",
        res_id, error.message);
    return -error.code;
}

int Renderer::set_guest_dmabuf(ResourceId res_id, int fd) {
    const auto resource = look_up(res_id);
    if (!resource || fd < 0) return -EINVAL;
    const auto status = resource->storage->set_dmabuf(fd);
    if (status) return 0;
    log_.log(LogLevel::kError, "set_guest_dmabuf", "resource {}: the VMM's dma-buf is refused: {}",
             res_id, status.error().message);
    return -status.error().code;
}

int Renderer::create_guest_blob(const virgl_renderer_resource_create_blob_args& args) {
    const ResourceId res_id(args.res_handle);
    BlobState state = state_of(args);
    state.blob_flags &= kKnownBlobFlags;
    auto storage = std::make_unique<GuestStorage>(state, services(), attached_by(args));
    // The guest's driver relies on it: a resource without one would never be drawn to.
    if (args.blob_flags & kCreateGuestHandle)
        if (const auto dmabuf = storage->obtain_dmabuf(); !dmabuf)
            return refuse_guest_handle(res_id, dmabuf.error());
    const LockGuard lock(mutex_);
    if (!may_create(res_id)) return -EINVAL;  // another thread was faster
    insert_resource(res_id, std::move(storage));
    return 0;
}

// A buffer that a guest may share takes a descriptor of the VMM's for as long as it lives. When few
// are left, small ones get theirs when they are attached or exported, as if the guest had not said
// so: a VMM needs that of what it shows as soon as the buffer is there (QEMU takes it with the
// blob).
BlobRequest Renderer::native_blob_request(
    const virgl_renderer_resource_create_blob_args& args) const {
    BlobRequest request{ResourceId(args.res_handle), args.blob_flags, args.blob_id, args.size};
    if (request.kind() == BlobKind::kDmabuf && args.size < kSmallestShown &&
        usage_->descriptors_are_scarce())
        request.blob_flags &= ~kBlobShareable;
    return request;
}

// The worker is asked without the lock: its answer may take a while, and concerns no other
// resource.
int Renderer::create_native_blob(const ContextPtr& context,
                                 const virgl_renderer_resource_create_blob_args& args) {
    const BlobRequest request = native_blob_request(args);
    auto descriptors = usage_->take_descriptors(request.kind() == BlobKind::kOpaque ? 0 : 1);
    if (!descriptors) {
        const LockGuard lock(mutex_);
        context->log.log(LogLevel::kWarning, "descriptors", "context {}: blob {} refused: {}",
                         context->id, args.blob_id, descriptors.error().message);
        return -descriptors.error().code;
    }
    auto object = context->native->create_blob(request);
    const LockGuard lock(mutex_);
    if (!object) {
        context->log.log(LogLevel::kWarning, "create_blob",
                         "context {}: blob {} as resource {}: {}", context->id, args.blob_id,
                         args.res_handle, object.error().message);
        return -object.error().code;
    }
    if (!may_create(request.res_id)) {  // another thread was faster
        context->native->detach_resource(request.res_id);
        return -EINVAL;
    }
    ContextStorage::Object made{context, request.kind(), nullptr, {}};
    if (object->fd) made.fd = share(std::move(object->fd), *std::move(descriptors));
    made.given = *std::move(object);
    auto storage = std::make_unique<ContextStorage>(state_of(args), services(), attached_by(args),
                                                    std::move(made));
    insert_resource(request.res_id, std::move(storage))->known_to.add(context);
    return 0;
}

int Renderer::create_classic_blob(const virgl_renderer_resource_create_blob_args& args) {
    const auto classic = this->classic();
    if (const int error = classic->create_blob(args)) return error < 0 ? error : -error;
    const LockGuard lock(mutex_);
    const ResourceId res_id(args.res_handle);
    insert_resource(res_id, std::make_unique<ClassicStorage>(res_id, classic));
    return 0;
}

int Renderer::import_blob(const virgl_renderer_resource_import_blob_args* args) {
    if (!args) return -EINVAL;
    const bool known_mem = args->blob_mem == VIRGL_RENDERER_BLOB_MEM_HOST3D ||
                           args->blob_mem == VIRGL_RENDERER_BLOB_MEM_GUEST_VRAM;
    const bool known_type = args->fd_type >= VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF &&
                            args->fd_type <= VIRGL_RENDERER_BLOB_FD_TYPE_SHM;
    if (!known_mem || !known_type || args->fd < 0 || args->size == 0) return -EINVAL;
    if (::fcntl(args->fd, F_GETFD) < 0) return -EINVAL;
    const ResourceId res_id(args->res_handle);
    const LockGuard lock(mutex_);
    if (!may_create(res_id)) return -EINVAL;
    auto booking = usage_->take_descriptors(1);
    if (!booking) {
        log_.log(LogLevel::kWarning, "descriptors", "resource {} is not imported: {}", res_id,
                 booking.error().message);
        return -booking.error().code;
    }
    const auto fd = std::make_shared<BookedFd>(*std::move(booking));
    insert_resource(res_id,
                    std::make_unique<ImportedStorage>(BlobState{res_id, args->size, 0}, services(),
                                                      shared_fd(fd), args->fd_type));
    // Nothing can fail from here on: the descriptor is ours.
    fd->fd.reset(args->fd);
    return 0;
}

// A mapping of what was unreferenced meanwhile goes with it.
int Renderer::map(ResourceId res_id, void** address, uint64_t* size) {
    if (!address || !size) return -EINVAL;
    const auto resource = look_up(res_id);
    if (!resource) return -EINVAL;
    if (const int error = resource->storage->map(address, size)) return error;
    record_mapping(resource);
    return is_current(resource) ? 0 : -EINVAL;
}

int Renderer::unmap(ResourceId res_id) {
    const auto resource = look_up(res_id);
    return resource ? resource->storage->unmap() : -EINVAL;
}

int Renderer::map_fixed(ResourceId res_id, void* address) {
    if (!address) return -EINVAL;
    const auto resource = look_up(res_id);
    if (!resource) return -EINVAL;
    const int error = resource->storage->map_fixed(address);
    if (error == 0) record_mapping(resource);
    return error;
}

int Renderer::map_as(ResourceId res_id, void* address, uint64_t size, int protection, int flags) {
    if (protection != (PROT_READ | PROT_WRITE) || flags != (MAP_SHARED | MAP_FIXED)) return -EINVAL;
    const auto resource = look_up(res_id);
    return resource && resource->storage->has_size(size) ? map_fixed(res_id, address) : -EINVAL;
}

int Renderer::map_info(ResourceId res_id, uint32_t* info) {
    if (!info) return -EINVAL;
    const auto resource = look_up(res_id);
    return resource ? resource->storage->map_info(info) : -EINVAL;
}

int Renderer::export_blob(ResourceId res_id, uint32_t* type, int* fd) {
    if (!type || !fd) return -EINVAL;
    const auto resource = look_up(res_id);
    if (!resource) return -EINVAL;
    const int error = resource->storage->export_blob(type, fd);
    if (error == 0) record_mapping(resource);
    return error;
}

}  // namespace viaduct
