// Renderer: blob resources - creation, mapping, export, import.
#include "blob/memfd.h"
#include "renderer/iov.h"
#include "renderer/renderer.h"

namespace viaduct {

namespace {

constexpr uint32_t kKnownBlobFlags = VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE |
                                     VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE |
                                     VIRGL_RENDERER_BLOB_FLAG_USE_CROSS_DEVICE;

// virtio-gpu, the proposed feature CREATE_GUEST_HANDLE: guest memory that the host is to have as a
// dma-buf, because the guest has given up its own way of copying.
constexpr uint32_t kCreateGuestHandle = 8;

// Smaller than any screen's image. A VMM needs a descriptor of what it shows as soon as that is
// there (QEMU takes it with the blob), of others only when somebody else gets them.
constexpr uint64_t kNeverShown = 256 << 10;

uint32_t fd_type_of(BlobKind kind) {
    static constexpr uint32_t kTypes[] = {VIRGL_RENDERER_BLOB_FD_TYPE_SHM,
                                          VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF,
                                          VIRGL_RENDERER_BLOB_FD_TYPE_OPAQUE};
    return kTypes[static_cast<size_t>(kind)];
}

// HOST3D blobs have no iovecs. Where guest memory belongs to the blob, it must cover all of it.
bool iovecs_fit(const virgl_renderer_resource_create_blob_args& args) {
    if (args.blob_mem == VIRGL_RENDERER_BLOB_MEM_HOST3D) return args.num_iovs == 0;
    const auto total = total_length(args.iovecs, args.num_iovs);
    return total && *total >= args.size;
}

bool mappable(const Resource& resource) {
    if (resource.home == ResourceHome::kImported) return true;
    return resource.home == ResourceHome::kContext &&
           (resource.blob_flags & VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE);
}

// The file to mmap for a resource of ours. A resource with a descriptor of its own lends it, so
// that a VMM without free descriptors can still map. Opaque objects die with their context.
Result<BlobMapSource> map_source(const Resource& resource) {
    if (!mappable(resource)) return fail(EINVAL, "resource {} is not mappable", resource.id);
    if (resource.opaque()) {
        const auto creator = resource.creator.lock();
        if (!creator) return fail(EINVAL, "resource {}: its context is gone", resource.id);
        return creator->native->map_source(resource.id, resource.size);
    }
    const auto object = object_size(resource.fd->get());
    if (!object || resource.size > round_up_to_page(*object))
        return fail(EINVAL, "resource {}: {} bytes are more than its object has", resource.id,
                    resource.size);
    BlobMapSource source;
    source.fd = resource.fd->get();
    return source;
}

}  // namespace

int Renderer::create_blob(const virgl_renderer_resource_create_blob_args* args) {
    if (!args) return -EINVAL;
    ContextPtr context;
    {
        const std::lock_guard lock(mutex_);
        if (!may_create(args->res_handle) || args->size == 0) return -EINVAL;
        if (args->blob_mem < VIRGL_RENDERER_BLOB_MEM_GUEST ||
            args->blob_mem > VIRGL_RENDERER_BLOB_MEM_HOST3D_GUEST)
            return -EINVAL;
        context = find_context(args->ctx_id);
    }
    if (args->blob_mem == VIRGL_RENDERER_BLOB_MEM_GUEST && args->blob_flags & kCreateGuestHandle)
        return refuse_guest_handle(args->res_handle);
    if ((args->blob_flags & ~kKnownBlobFlags) || !iovecs_fit(*args)) return -EINVAL;
    if (args->blob_mem == VIRGL_RENDERER_BLOB_MEM_GUEST) return create_guest_blob(*args);
    if (!context) return -EINVAL;
    return context->native ? create_native_blob(context, *args) : create_classic_blob(*args);
}

int Renderer::refuse_guest_handle(uint32_t res_id) {
    const std::lock_guard lock(mutex_);
    log_.log(LogLevel::kError, "guest_handle",
             "resource {}: guest memory cannot be given a handle (blob flag 0x8); start the VM "
             "without the device's feature CREATE_GUEST_HANDLE",
             res_id);
    return -EOPNOTSUPP;
}

int Renderer::set_guest_dmabuf(uint32_t res_id, int fd) {
    const std::lock_guard lock(mutex_);
    if (!find_resource(res_id) || fd < 0) return -EINVAL;
    log_.log(LogLevel::kInfo, "guest_dmabuf",
             "resource {}: its dma-buf is not used; its frames are copied instead", res_id);
    return -EOPNOTSUPP;
}

int Renderer::create_guest_blob(const virgl_renderer_resource_create_blob_args& args) {
    const std::lock_guard lock(mutex_);
    Resource resource;
    resource.id = args.res_handle;
    resource.home = ResourceHome::kGuest;
    resource.size = args.size;
    resource.blob_flags = args.blob_flags;
    resource.cache = MapCache::kCached;
    resource.iovecs = const_cast<iovec*>(args.iovecs);  // given back by detach_iov, as it came
    resource.num_iovecs = static_cast<int>(args.num_iovs);
    insert_resource(std::move(resource));
    return 0;
}

// A buffer that a guest may share takes a descriptor of the VMM's for as long as it lives. When few
// are left, small ones get theirs when they are attached or exported, as if the guest had not said
// so.
BlobRequest Renderer::native_blob_request(
    const virgl_renderer_resource_create_blob_args& args) const {
    BlobRequest request{args.res_handle, args.blob_flags, args.blob_id, args.size};
    if (request.kind() == BlobKind::kDmabuf && args.size < kNeverShown &&
        usage_->descriptors_are_scarce())
        request.blob_flags &= ~kBlobShareable;
    return request;
}

// The worker is asked without the lock: its answer may take a while, and concerns nobody else.
int Renderer::create_native_blob(const ContextPtr& context,
                                 const virgl_renderer_resource_create_blob_args& args) {
    const BlobRequest request = native_blob_request(args);
    auto descriptors = usage_->take_descriptors(request.kind() == BlobKind::kOpaque ? 0 : 1);
    if (!descriptors) {
        const std::lock_guard lock(mutex_);
        context->log.log(LogLevel::kWarning, "descriptors", "context {}: blob {} refused: {}",
                         context->id, args.blob_id, descriptors.error().message);
        return -descriptors.error().code;
    }
    auto object = context->native->create_blob(request);
    const std::lock_guard lock(mutex_);
    if (!object) {
        context->log.log(LogLevel::kWarning, "create_blob",
                         "context {}: blob {} as resource {}: {}", context->id, args.blob_id,
                         args.res_handle, object.error().message);
        return -object.error().code;
    }
    if (!may_create(args.res_handle)) {  // another thread was faster
        context->native->detach_resource(args.res_handle);
        return -EINVAL;
    }
    Resource resource;
    resource.id = args.res_handle;
    resource.home = ResourceHome::kContext;
    resource.size = args.size;
    resource.blob_flags = args.blob_flags;
    resource.cache = object->cache;
    resource.booked = usage_->take_resource();
    if (object->fd) resource.fd = share(std::move(object->fd), *std::move(descriptors));
    resource.charge = std::move(object->charge);
    resource.late = std::move(object->late);
    if (resource.late && resource.fd) resource.late->replace(resource.fd);
    resource.fd_type = fd_type_of(request.kind());
    resource.creator = context;
    resource.known_to.add(context);
    if (args.num_iovs > 0) {
        resource.iovecs = const_cast<iovec*>(args.iovecs);
        resource.num_iovecs = static_cast<int>(args.num_iovs);
    }
    insert_resource(std::move(resource));
    return 0;
}

// Without the lock: this may wait for the worker, which creation does not.
Status Renderer::settle(Resource& resource) {
    std::shared_ptr<LateBlob> late;
    {
        const std::lock_guard lock(mutex_);
        late = resource.late;
    }
    if (!late) return {};
    const auto cache = late->settle();
    const std::lock_guard lock(mutex_);
    if (cache) {
        resource.cache = *cache;
        resource.late.reset();
        return {};
    }
    log_.log(LogLevel::kWarning, "late_blob", "resource {}: {}", resource.id,
             cache.error().message);
    return tl::unexpected(cache.error());
}

int Renderer::create_classic_blob(const virgl_renderer_resource_create_blob_args& args) {
    if (const int error = classic()->create_blob(args)) return error < 0 ? error : -error;
    const std::lock_guard lock(mutex_);
    Resource resource;
    resource.id = args.res_handle;
    resource.size = args.size;
    resource.blob_flags = args.blob_flags;
    resource.in_classic = true;
    insert_resource(std::move(resource));
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
    const std::lock_guard lock(mutex_);
    if (!may_create(args->res_handle)) return -EINVAL;
    Resource resource;
    resource.id = args->res_handle;
    resource.home = ResourceHome::kImported;
    resource.size = args->size;
    resource.fd_type = args->fd_type;
    auto booking = usage_->take_descriptors(1);
    if (!booking) {
        log_.log(LogLevel::kWarning, "descriptors", "resource {} is not imported: {}",
                 args->res_handle, booking.error().message);
        return -booking.error().code;
    }
    const auto fd = std::make_shared<BookedFd>(*std::move(booking));
    resource.fd = shared_fd(fd);
    insert_resource(std::move(resource));
    // Nothing can fail from here on: the descriptor is ours.
    fd->fd.reset(args->fd);
    return 0;
}

int Renderer::map(uint32_t res_id, void** address, uint64_t* size) {
    if (!address || !size) return -EINVAL;
    if (const auto classic = classic_home_of(res_id)) return classic->map(res_id, address, size);
    ResourcePtr resource;
    {
        const std::lock_guard lock(mutex_);
        resource = find_resource(res_id);
        if (!resource || resource->mapping.valid()) return -EINVAL;
        if (const int error = book_window(*resource)) return error;
    }
    if (auto status = settle(*resource); !status) return -status.error().code;
    auto source = map_source(*resource);
    if (!source) return -EINVAL;
    auto mapping = Mapping::map_shared(source->fd, source->offset, resource->size);
    const std::lock_guard lock(mutex_);
    if (!mapping) {
        log_.log(LogLevel::kError, "map", "resource {}: {}", res_id, mapping.error().message);
        return -EINVAL;
    }
    if (find_resource(res_id) != resource || resource->mapping.valid()) return -EINVAL;
    resource->mapped_file = std::move(source->file);
    resource->mapping = std::move(*mapping);
    *address = resource->mapping.data();
    *size = resource->size;
    return 0;
}

int Renderer::unmap(uint32_t res_id) {
    if (const auto classic = classic_home_of(res_id)) return classic->unmap(res_id);
    const std::lock_guard lock(mutex_);
    const auto resource = find_resource(res_id);
    if (!resource || !resource->mapping.valid()) return -EINVAL;
    resource->mapping.reset();
    resource->mapped_file.reset();
    resource->window = {};
    return 0;
}

int Renderer::map_fixed(uint32_t res_id, void* address) {
    if (!address) return -EINVAL;
    if (const auto classic = classic_home_of(res_id)) return classic->map_fixed(res_id, address);
    const auto resource = look_up(res_id);
    if (!resource) return -EINVAL;
    {
        const std::lock_guard lock(mutex_);
        if (const int error = book_window(*resource)) return error;
    }
    if (auto status = settle(*resource); !status) return -status.error().code;
    auto source = map_source(*resource);
    if (!source) return -EINVAL;
    const auto status = viaduct::map_fixed(source->fd, source->offset, resource->size, address);
    const std::lock_guard lock(mutex_);
    if (status) {
        resource->mapped_file = std::move(source->file);
        return 0;
    }
    log_.log(LogLevel::kError, "map_fixed", "resource {}: {}", res_id, status.error().message);
    return -EINVAL;
}

// With the lock held. A resource takes its room once, however often it is mapped; a VMM does not
// say when it takes a fixed mapping away, so that counts until the resource goes.
int Renderer::book_window(Resource& resource) {
    if (resource.window) return 0;
    auto booked = usage_->take_window(resource.size);
    if (!booked) {
        log_.log(LogLevel::kWarning, "window", "resource {} is not mapped: {}", resource.id,
                 booked.error().message);
        return -booked.error().code;
    }
    resource.window = *std::move(booked);
    return 0;
}

int Renderer::map_info(uint32_t res_id, uint32_t* info) {
    if (!info) return -EINVAL;
    if (const auto classic = classic_home_of(res_id)) return classic->map_info(res_id, info);
    const auto resource = look_up(res_id);
    if (!resource) return -EINVAL;
    if (auto status = settle(*resource); !status) return -status.error().code;
    const std::lock_guard lock(mutex_);
    if (resource->cache == MapCache::kNone) return -EINVAL;
    *info = static_cast<uint32_t>(resource->cache);
    return 0;
}

int Renderer::export_blob(uint32_t res_id, uint32_t* type, int* fd) {
    if (!type || !fd) return -EINVAL;
    if (const auto classic = classic_home_of(res_id)) return classic->export_blob(res_id, type, fd);
    const auto resource = look_up(res_id);
    if (!resource) return -EINVAL;
    auto exported = export_storage(resource);
    if (!exported) return -EINVAL;
    *type = exported->fd_type;
    *fd = exported->fd.release();
    return 0;
}

// A resource's storage does not change, but for the dma-buf of guest memory: no lock, which nobody
// may hold while a worker is asked.
Result<ExportedStorage> Renderer::export_storage(const ResourcePtr& resource) {
    if (auto status = settle(*resource); !status) return tl::unexpected(status.error());
    if (resource->opaque()) {
        const auto creator = resource->creator.lock();
        if (!creator) return fail(EINVAL, "resource {}: its context is gone", resource->id);
        auto dmabuf = creator->native->export_blob(resource->id);
        if (!dmabuf) return tl::unexpected(dmabuf.error());
        return ExportedStorage{VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF, *std::move(dmabuf)};
    }
    const bool guest = resource->home == ResourceHome::kGuest;
    const SharedFd fd = guest ? guest_dmabuf(resource) : resource->fd;
    if (!fd) return fail(EINVAL, "resource {} has no descriptor", resource->id);
    ExportedStorage exported{guest ? VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF : resource->fd_type,
                             fd->duplicate()};
    if (!exported.fd) return fail(EMFILE, "no descriptor left for resource {}", resource->id);
    return exported;
}

Result<UniqueFd> Renderer::classic_dmabuf(uint32_t res_id) {
    const auto classic = classic_home_of(res_id);
    if (!classic) return fail(EINVAL, "no classic resource {}", res_id);
    uint32_t type = 0;
    int fd = -1;
    if (classic->export_blob(res_id, &type, &fd) != 0)
        return fail(EINVAL, "resource {} cannot be exported", res_id);
    UniqueFd exported(fd);
    if (type != VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF)
        return fail(EINVAL, "resource {} is not a dma-buf", res_id);
    return exported;
}

// Makes the classic renderer know one of our resources, under the same id.
bool Renderer::import_into_classic(const ResourcePtr& resource) {
    ClassicPtr classic;
    virgl_renderer_resource_create_blob_args guest{};
    {
        const std::lock_guard lock(mutex_);
        if (resource->in_classic) return true;
        classic = classic_;
        guest.res_handle = resource->id;
        guest.blob_mem = VIRGL_RENDERER_BLOB_MEM_GUEST;
        guest.blob_flags = resource->blob_flags;
        guest.size = resource->size;
        guest.iovecs = resource->iovecs;
        guest.num_iovs = static_cast<uint32_t>(resource->num_iovecs);
    }
    if (!classic) return false;
    int error = 0;
    if (resource->home == ResourceHome::kGuest) {
        error = guest.iovecs ? classic->create_blob(guest) : -EINVAL;
    } else {
        auto exported = export_storage(resource);
        if (!exported) return false;
        error = classic->import_blob({resource->id, VIRGL_RENDERER_BLOB_MEM_HOST3D,
                                      exported->fd_type, exported->fd.get(), resource->size});
        if (error == 0) std::ignore = exported->fd.release();
    }
    const std::lock_guard lock(mutex_);
    resource->in_classic = error == 0;
    return resource->in_classic;
}

}  // namespace viaduct
