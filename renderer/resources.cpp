// Renderer: classic resources, and what all resources have in common.
#include "renderer/renderer.h"

namespace viaduct {

namespace {

// drm_fourcc.h, DRM_FORMAT_MOD_INVALID: "the layout is not known here".
constexpr uint64_t kModifierInvalid = 0x00ff'ffff'ffff'ffffull;

Resource classic_resource(uint32_t id) {
    Resource resource;
    resource.id = id;
    resource.in_classic = true;
    return resource;
}

}  // namespace

bool Renderer::may_create(uint32_t res_id) const {
    return initialised_ && res_id != 0 && !resources_.contains(res_id);
}

void Renderer::insert_resource(Resource resource) {
    const uint32_t id = resource.id;
    resources_.insert_or_assign(id, std::make_shared<Resource>(std::move(resource)));
}

int Renderer::resource_create(virgl_renderer_resource_create_args* args, iovec* iovecs,
                              uint32_t count) {
    if (!args || args->handle == 0) return EINVAL;
    const auto classic = this->classic();
    if (!classic) return EINVAL;
    {
        const std::lock_guard lock(mutex_);
        if (!may_create(args->handle)) return -EINVAL;
    }
    if (const int error = classic->resource_create(*args, iovecs, count)) return error;
    const std::lock_guard lock(mutex_);
    insert_resource(classic_resource(args->handle));
    return 0;
}

int Renderer::import_eglimage(virgl_renderer_resource_create_args* args, void* image) {
    if (!args || args->handle == 0) return EINVAL;
    const auto classic = this->classic();
    if (!classic) return EINVAL;
    {
        const std::lock_guard lock(mutex_);
        if (!may_create(args->handle)) return -EINVAL;
    }
    if (const int error = classic->import_eglimage(*args, image)) return error;
    const std::lock_guard lock(mutex_);
    insert_resource(classic_resource(args->handle));
    return 0;
}

void Renderer::unref(uint32_t res_id) {
    ResourcePtr resource;
    ClassicPtr classic;
    {
        const std::lock_guard lock(mutex_);
        const auto found = resources_.find(res_id);
        if (found == resources_.end()) return;
        resource = std::move(found->second);
        resources_.erase(found);
        resource->known_to.for_each(
            [res_id](const Context& context) { context.native->detach_resource(res_id); });
        if (resource->in_classic) classic = classic_;
    }
    if (classic) classic->unref(res_id);
}

int Renderer::attach_iov(uint32_t res_id, iovec* iovecs, int count) {
    ClassicPtr classic;
    {
        const std::lock_guard lock(mutex_);
        const auto resource = find_resource(res_id);
        if (!resource || count < 0 || (count > 0 && !iovecs)) return EINVAL;
        if (resource->home != ResourceHome::kClassic) {
            if (resource->iovecs) return EINVAL;
            resource->iovecs = iovecs;
            resource->num_iovecs = count;
            if (!resource->in_classic) return 0;
        }
        classic = classic_;
    }
    return classic->attach_iov(res_id, iovecs, count);
}

void Renderer::detach_iov(uint32_t res_id, iovec** iovecs, int* count) {
    ClassicPtr classic;
    bool at_home = false;
    iovec* old_iovecs = nullptr;
    int old_count = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto resource = find_resource(res_id);
        if (!resource) return;
        at_home = resource->home == ResourceHome::kClassic;
        resource->guest_dmabuf.memory_detached();
        old_iovecs = std::exchange(resource->iovecs, nullptr);
        old_count = std::exchange(resource->num_iovecs, 0);
        if (resource->in_classic) classic = classic_;
    }
    iovec* classic_iovecs = nullptr;
    int classic_count = 0;
    if (classic) classic->detach_iov(res_id, &classic_iovecs, &classic_count);
    if (iovecs) *iovecs = at_home ? classic_iovecs : old_iovecs;
    if (count) *count = at_home ? classic_count : old_count;
}

int Renderer::transfer_write(const Transfer& transfer) {
    {
        const std::lock_guard lock(mutex_);
        const auto context = find_context(transfer.context);
        if (context && context->native) return -1;
        if (transfer.context != 0 && !context) return EINVAL;
    }
    const auto classic = classic_for_resource(transfer.resource);
    return classic ? classic->transfer_write(transfer) : EINVAL;
}

int Renderer::transfer_read(const Transfer& transfer) {
    {
        const std::lock_guard lock(mutex_);
        const auto context = find_context(transfer.context);
        if (context && context->native) return -1;
        if (transfer.context != 0 && !context) return EINVAL;
    }
    const auto classic = classic_for_resource(transfer.resource);
    return classic ? classic->transfer_read(transfer) : EINVAL;
}

// Every field is written: QEMU passes uninitialised memory and uses what it finds.
int Renderer::info(uint32_t res_id, virgl_renderer_resource_info* info) {
    if (!info) return EINVAL;
    virgl_renderer_resource_info result{};
    result.handle = res_id;
    result.fd = -1;
    if (const auto classic = classic_home_of(res_id)) {
        if (const int error = classic->info(res_id, result)) return error;
    } else {
        const auto resource = look_up(res_id);
        if (!resource) return EINVAL;
        if (const SharedFd dmabuf = own_dmabuf(resource)) result.fd = dmabuf->get();
    }
    *info = result;
    return 0;
}

int Renderer::info_ext(uint32_t res_id, virgl_renderer_resource_info_ext* info) {
    if (!info) return EINVAL;
    virgl_renderer_resource_info_ext result{};
    result.version = VIRGL_RENDERER_RESOURCE_INFO_EXT_VERSION;
    result.base.handle = res_id;
    result.base.fd = -1;
    if (const auto classic = classic_home_of(res_id)) {
        if (const int error = classic->info_ext(res_id, result)) return error;
    } else if (const int error = this->info(res_id, &result.base)) {
        return error;
    }
    *info = result;
    return 0;
}

int Renderer::export_query(virgl_renderer_export_query& query) {
    if (const auto classic = classic_home_of(query.in_resource_id))
        return classic->export_query(query);
    const std::lock_guard lock(mutex_);
    if (!find_resource(query.in_resource_id) || query.in_export_fds != 0) return -EINVAL;
    // A buffer without an image layout. One descriptor is announced, for rutabaga takes zero for
    // "cannot be exported".
    query.out_num_fds = 1;
    query.out_fourcc = 0;
    for (int i = 0; i < 4; ++i) {
        query.out_fds[i] = -1;
        query.out_strides[i] = 0;
        query.out_offsets[i] = 0;
    }
    query.out_modifier = kModifierInvalid;
    return 0;
}

void Renderer::set_priv(uint32_t res_id, void* priv) {
    const std::lock_guard lock(mutex_);
    if (const auto resource = find_resource(res_id)) resource->priv = priv;
}

void* Renderer::get_priv(uint32_t res_id) {
    const std::lock_guard lock(mutex_);
    const auto resource = find_resource(res_id);
    return resource ? resource->priv : nullptr;
}

void Renderer::get_rect(uint32_t res_id, iovec* iovecs, uint32_t count, uint32_t offset,
                        const Rect& rect) {
    if (const auto classic = classic_home_of(res_id))
        classic->get_rect(res_id, iovecs, count, offset, rect);
}

void* Renderer::cursor_data(uint32_t res_id, uint32_t* width, uint32_t* height) {
    const auto classic = classic_home_of(res_id);
    return classic ? classic->cursor_data(res_id, width, height) : nullptr;
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
