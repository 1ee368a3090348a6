// Renderer: classic resources, and what all resources have in common.
#include "renderer/renderer.h"
#include "renderer/storage/classic.h"

namespace viaduct {

bool Renderer::may_create(ResourceId res_id) const {
    return initialised_ && res_id != ResourceId() && !resources_.contains(res_id);
}

Renderer::ResourcePtr Renderer::insert_resource(ResourceId res_id,
                                                std::unique_ptr<Storage> storage) {
    const ResourcePtr resource(new Resource{res_id, std::move(storage)});
    resources_.insert_or_assign(res_id, resource);
    return resource;
}

int Renderer::resource_create(virgl_renderer_resource_create_args* args, iovec* iovecs,
                              uint32_t count) {
    if (!args || args->handle == 0) return EINVAL;
    const ResourceId res_id(args->handle);
    const auto classic = this->classic();
    if (!classic) return EINVAL;
    {
        const LockGuard lock(mutex_);
        if (!may_create(res_id)) return -EINVAL;
    }
    if (const int error = classic->resource_create(*args, iovecs, count)) return error;
    const LockGuard lock(mutex_);
    insert_resource(res_id, std::make_unique<ClassicStorage>(res_id, classic));
    return 0;
}

int Renderer::import_eglimage(virgl_renderer_resource_create_args* args, void* image) {
    if (!args || args->handle == 0) return EINVAL;
    const ResourceId res_id(args->handle);
    const auto classic = this->classic();
    if (!classic) return EINVAL;
    {
        const LockGuard lock(mutex_);
        if (!may_create(res_id)) return -EINVAL;
    }
    if (const int error = classic->import_eglimage(*args, image)) return error;
    const LockGuard lock(mutex_);
    insert_resource(res_id, std::make_unique<ClassicStorage>(res_id, classic));
    return 0;
}

void Renderer::unref(ResourceId res_id) {
    if (recorder_) recorder_->unreferenced(res_id);
    ResourcePtr resource;
    {
        const LockGuard lock(mutex_);
        const auto found = resources_.find(res_id);
        if (found == resources_.end()) return;
        resource = std::move(found->second);
        resources_.erase(found);
        resource->known_to.for_each(
            [res_id](const Context& context) { context.native->detach_resource(res_id); });
    }
    if (const auto classic = resource->storage->classic()) classic->unref(res_id);
}

int Renderer::attach_iov(ResourceId res_id, iovec* iovecs, int count) {
    const auto resource = look_up(res_id);
    if (!resource || count < 0 || (count > 0 && !iovecs)) return EINVAL;
    return resource->storage->attach_iov(iovecs, count);
}

void Renderer::detach_iov(ResourceId res_id, iovec** iovecs, int* count) {
    const auto resource = look_up(res_id);
    if (!resource) return;
    if (recorder_) recorder_->memory_detached(res_id);
    iovec* old_iovecs = nullptr;
    int old_count = 0;
    resource->storage->detach_iov(&old_iovecs, &old_count);
    if (iovecs) *iovecs = old_iovecs;
    if (count) *count = old_count;
}

int Renderer::transfer_write(const Transfer& transfer) {
    {
        const LockGuard lock(mutex_);
        const auto context = find_context(transfer.context);
        if (context && context->native) return -1;
        if (transfer.context != ContextId() && !context) return EINVAL;
    }
    const auto classic = classic_for_resource(transfer.resource);
    return classic ? classic->transfer_write(transfer) : EINVAL;
}

int Renderer::transfer_read(const Transfer& transfer) {
    {
        const LockGuard lock(mutex_);
        const auto context = find_context(transfer.context);
        if (context && context->native) return -1;
        if (transfer.context != ContextId() && !context) return EINVAL;
    }
    const auto classic = classic_for_resource(transfer.resource);
    return classic ? classic->transfer_read(transfer) : EINVAL;
}

// Every field is written: QEMU passes uninitialised memory and uses what it finds.
int Renderer::info(ResourceId res_id, virgl_renderer_resource_info* info) {
    if (!info) return EINVAL;
    virgl_renderer_resource_info result{};
    result.handle = res_id.value();
    result.fd = -1;
    const auto resource = look_up(res_id);
    if (!resource) return EINVAL;
    if (const int error = resource->storage->info(result)) return error;
    *info = result;
    return 0;
}

int Renderer::info_ext(ResourceId res_id, virgl_renderer_resource_info_ext* info) {
    if (!info) return EINVAL;
    virgl_renderer_resource_info_ext result{};
    result.version = VIRGL_RENDERER_RESOURCE_INFO_EXT_VERSION;
    result.base.handle = res_id.value();
    result.base.fd = -1;
    const auto resource = look_up(res_id);
    if (!resource) return EINVAL;
    if (const int error = resource->storage->info_ext(result)) return error;
    *info = result;
    return 0;
}

int Renderer::export_query(virgl_renderer_export_query& query) {
    const auto resource = look_up(ResourceId(query.in_resource_id));
    return resource ? resource->storage->export_query(query) : -EINVAL;
}

void Renderer::set_priv(ResourceId res_id, void* priv) {
    const LockGuard lock(mutex_);
    if (const auto resource = find_resource(res_id)) resource->priv = priv;
}

void* Renderer::get_priv(ResourceId res_id) {
    const LockGuard lock(mutex_);
    const auto resource = find_resource(res_id);
    return resource ? resource->priv : nullptr;
}

void Renderer::get_rect(ResourceId res_id, iovec* iovecs, uint32_t count, uint32_t offset,
                        const Rect& rect) {
    if (const auto resource = look_up(res_id))
        resource->storage->get_rect(iovecs, count, offset, rect);
}

void* Renderer::cursor_data(ResourceId res_id, uint32_t* width, uint32_t* height) {
    const auto resource = look_up(res_id);
    return resource ? resource->storage->cursor_data(width, height) : nullptr;
}

int Renderer::fd_for_texture(uint32_t tex_id, int* fd) {
    const auto classic = this->classic();
    return classic && fd ? classic->fd_for_texture(tex_id, fd) : -1;
}

int Renderer::fd_for_texture2(uint32_t tex_id, int* fd, int* stride, int* offset) {
    const auto classic = this->classic();
    return classic && fd ? classic->fd_for_texture2(tex_id, fd, stride, offset) : -1;
}

}  // namespace viaduct
