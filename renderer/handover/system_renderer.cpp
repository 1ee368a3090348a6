#include "renderer/handover/system_renderer.h"

#include <cstring>
#include <string>

namespace viaduct::handover {

/// Leads the library's callbacks to the VMM's. The cookie is the SystemRenderer.
struct Bridge {
    static SystemRenderer& self(void* cookie) { return *static_cast<SystemRenderer*>(cookie); }

    static void write_fence(void* cookie, uint32_t fence_id) {
        self(cookie).fences_.global_retired(fence_id);
    }
    static void write_context_fence(void* cookie, uint32_t ctx_id, uint32_t ring,
                                    uint64_t fence_id) {
        self(cookie).fences_.context_retired(ContextId(ctx_id), RingIndex(ring), FenceId(fence_id));
    }
    // Releases before 1.0 pass a parameter block without its last member.
    static virgl_renderer_gl_context create_gl_context(void* cookie, int scanout,
                                                       virgl_renderer_gl_ctx_param* given) {
        virgl_renderer_gl_ctx_param param{};
        const bool whole = !self(cookie).library_.before_1_0();
        std::memcpy(&param, given,
                    whole ? sizeof param : offsetof(virgl_renderer_gl_ctx_param, compat_ctx));
        const Callbacks& vmm = self(cookie).vmm_;
        return vmm.table()->create_gl_context(vmm.cookie(), scanout, &param);
    }
    static void destroy_gl_context(void* cookie, virgl_renderer_gl_context context) {
        const Callbacks& vmm = self(cookie).vmm_;
        vmm.table()->destroy_gl_context(vmm.cookie(), context);
    }
    static int make_current(void* cookie, int scanout, virgl_renderer_gl_context context) {
        const Callbacks& vmm = self(cookie).vmm_;
        return vmm.table()->make_current(vmm.cookie(), scanout, context);
    }
    static int get_drm_fd(void* cookie) { return self(cookie).vmm_.get_drm_fd(); }
    static int get_server_fd(void* cookie, uint32_t version) {
        const Callbacks& vmm = self(cookie).vmm_;
        return vmm.table()->get_server_fd(vmm.cookie(), version);
    }
    static void* get_egl_display(void* cookie) {
        const Callbacks& vmm = self(cookie).vmm_;
        return vmm.table()->get_egl_display(vmm.cookie());
    }

    /// Of the VMM's version, with a function wherever the VMM has one.
    static virgl_renderer_callbacks table_for(const Callbacks& vmm) {
        virgl_renderer_callbacks table{};
        table.version = vmm.version();
        table.write_fence = write_fence;
        if (vmm.table()->create_gl_context) table.create_gl_context = create_gl_context;
        if (vmm.table()->destroy_gl_context) table.destroy_gl_context = destroy_gl_context;
        if (vmm.table()->make_current) table.make_current = make_current;
        if (vmm.has_drm_fd()) table.get_drm_fd = get_drm_fd;
        if (vmm.version() >= 3) table.write_context_fence = write_context_fence;
        if (vmm.has_server_fd()) table.get_server_fd = get_server_fd;
        if (vmm.has_egl_display()) table.get_egl_display = get_egl_display;
        return table;
    }
};

namespace {

int as_int(uint32_t value) {
    return static_cast<int>(value);
}
int as_int(ContextId id) {
    return as_int(id.value());
}
int as_int(ResourceId id) {
    return as_int(id.value());
}

// Release 0.10 reports some errors with the other sign.
int negative(int error) {
    return error > 0 ? -error : error;
}

}  // namespace

SystemRenderer::SystemRenderer(const SystemLibrary& library, const InitRequest& request)
    : library_(library),
      api_(library.api()),
      vmm_(request.callbacks),
      fences_(*request.fences),
      table_(Bridge::table_for(request.callbacks)) {}

Result<std::unique_ptr<SystemRenderer>> SystemRenderer::create(const SystemLibrary& library,
                                                               int flags,
                                                               const InitRequest& request) {
    std::unique_ptr<SystemRenderer> renderer(new SystemRenderer(library, request));
    const int error = library.api().init(renderer.get(), flags, &renderer->table_);
    if (error != 0)
        return fail(error, "{} does not start (flags {:#x}, error {})", library.path(), flags,
                    error);
    renderer->running_ = true;
    renderer->has_fence_thread_ = flags & VIRGL_RENDERER_THREAD_SYNC;
    return renderer;
}

SystemRenderer::~SystemRenderer() {
    if (running_) api_.cleanup(this);
}

// The library's thread that waits for context 0's fences ends with the first reset, and it has no
// other: polling does not report them either (virglrenderer 1.1, vrend_renderer_reset).
void SystemRenderer::reset() {
    api_.reset();
    fence_thread_ended_ = has_fence_thread_;
}
void SystemRenderer::poll() {
    api_.poll();
}
int SystemRenderer::poll_fd() {
    return api_.get_poll_fd();
}
void SystemRenderer::force_ctx_0() {
    api_.force_ctx_0();
}

bool SystemRenderer::create_fence(uint32_t fence_id) {
    return !fence_thread_ended_ && api_.create_fence(as_int(fence_id), 0) == 0;
}

void SystemRenderer::fill_caps(uint32_t set, uint32_t version, void* caps) {
    api_.fill_caps(set, version, caps);
}

// ---- Contexts -----------------------------------------------------------------------------------

int SystemRenderer::context_create(ContextId ctx_id, uint32_t flags, std::string_view name) {
    const std::string terminated(name);
    return api_.context_create_with_flags(
        ctx_id.value(), flags, static_cast<uint32_t>(terminated.size()), terminated.c_str());
}

void SystemRenderer::context_destroy(ContextId ctx_id) {
    api_.context_destroy(ctx_id.value());
}

int SystemRenderer::submit(ContextId ctx_id, void* buffer, int ndw) {
    return api_.submit_cmd(buffer, as_int(ctx_id), ndw);
}

int SystemRenderer::submit_with_fences(ContextId ctx_id, void* buffer, int ndw, uint64_t* fence_ids,
                                       uint32_t count) {
    if (count == 0) return submit(ctx_id, buffer, ndw);
    if (!api_.submit_cmd2) return -EINVAL;
    return api_.submit_cmd2(buffer, as_int(ctx_id), ndw, fence_ids, count);
}

int SystemRenderer::context_create_fence(ContextId ctx_id, uint32_t flags, RingIndex ring,
                                         FenceId fence_id) {
    return api_.context_create_fence(ctx_id.value(), flags, ring.value(), fence_id.value());
}

void SystemRenderer::context_poll(ContextId ctx_id) {
    api_.context_poll(ctx_id.value());
}

int SystemRenderer::context_poll_fd(ContextId ctx_id) {
    return api_.context_get_poll_fd(ctx_id.value());
}

int SystemRenderer::attach_fence(ContextId ctx_id, UniqueFd fd) {
    if (!api_.attach_fence) return -EINVAL;
    return api_.attach_fence(as_int(ctx_id), fd.release());
}

int SystemRenderer::device_fd(ContextId ctx_id) {
    return api_.get_dev_fd ? api_.get_dev_fd(as_int(ctx_id)) : -ENODEV;
}

void SystemRenderer::attach_resource(ContextId ctx_id, ResourceId res_id) {
    api_.ctx_attach_resource(as_int(ctx_id), as_int(res_id));
}

void SystemRenderer::detach_resource(ContextId ctx_id, ResourceId res_id) {
    api_.ctx_detach_resource(as_int(ctx_id), as_int(res_id));
}

int SystemRenderer::export_fence(FenceId fence_id, int* fd) {
    if (library_.before_1_0() && fence_id.value() > UINT32_MAX) return -EINVAL;
    return negative(api_.export_fence(fence_id.value(), fd));
}

int SystemRenderer::export_signalled_fence() {
    return api_.export_signalled_fence ? api_.export_signalled_fence() : -1;
}

// ---- Resources ----------------------------------------------------------------------------------

int SystemRenderer::resource_create(virgl_renderer_resource_create_args& args, iovec* iovecs,
                                    uint32_t count) {
    return api_.resource_create(&args, iovecs, count);
}

int SystemRenderer::import_eglimage(virgl_renderer_resource_create_args& args, void* image) {
    return api_.resource_import_eglimage(&args, image);
}

int SystemRenderer::create_blob(const virgl_renderer_resource_create_blob_args& args) {
    return negative(api_.resource_create_blob(&args));
}

int SystemRenderer::import_blob(const virgl_renderer_resource_import_blob_args& args) {
    return negative(api_.resource_import_blob(&args));
}

void SystemRenderer::unref(ResourceId res_id) {
    api_.resource_unref(res_id.value());
}

int SystemRenderer::attach_iov(ResourceId res_id, iovec* iovecs, int count) {
    return api_.resource_attach_iov(as_int(res_id), iovecs, count);
}

void SystemRenderer::detach_iov(ResourceId res_id, iovec** iovecs, int* count) {
    api_.resource_detach_iov(as_int(res_id), iovecs, count);
}

int SystemRenderer::transfer_write(const Transfer& t) {
    return api_.transfer_write_iov(t.resource.value(), t.context.value(), as_int(t.level), t.stride,
                                   t.layer_stride, t.box, t.offset, t.iovecs, t.num_iovecs);
}

int SystemRenderer::transfer_read(const Transfer& t) {
    return api_.transfer_read_iov(t.resource.value(), t.context.value(), t.level, t.stride,
                                  t.layer_stride, t.box, t.offset, t.iovecs, as_int(t.num_iovecs));
}

int SystemRenderer::map(ResourceId res_id, void** address, uint64_t* size) {
    return negative(api_.resource_map(res_id.value(), address, size));
}

int SystemRenderer::unmap(ResourceId res_id) {
    return negative(api_.resource_unmap(res_id.value()));
}

int SystemRenderer::map_fixed(ResourceId res_id, void* address) {
    return api_.resource_map_fixed ? api_.resource_map_fixed(res_id.value(), address) : -EOPNOTSUPP;
}

int SystemRenderer::map_info(ResourceId res_id, uint32_t* info) {
    return negative(api_.resource_get_map_info(res_id.value(), info));
}

int SystemRenderer::export_blob(ResourceId res_id, uint32_t* type, int* fd) {
    return negative(api_.resource_export_blob(res_id.value(), type, fd));
}

// Release 0.10 writes all but the last member, which came to us as -1.
int SystemRenderer::info(ResourceId res_id, virgl_renderer_resource_info& info) {
    return api_.resource_get_info(as_int(res_id), &info);
}

int SystemRenderer::info_ext(ResourceId res_id, virgl_renderer_resource_info_ext& info) {
    if (!api_.resource_get_info_ext) return this->info(res_id, info.base);
    return api_.resource_get_info_ext(as_int(res_id), &info);
}

int SystemRenderer::export_query(virgl_renderer_export_query& query) {
    return negative(api_.execute(&query, sizeof query));
}

void SystemRenderer::get_rect(ResourceId res_id, iovec* iovecs, uint32_t count, uint32_t offset,
                              const Rect& rect) {
    api_.get_rect(as_int(res_id), iovecs, count, offset, rect.x, rect.y, rect.width, rect.height);
}

void* SystemRenderer::cursor_data(ResourceId res_id, uint32_t* width, uint32_t* height) {
    return api_.get_cursor_data(res_id.value(), width, height);
}

int SystemRenderer::fd_for_texture(uint32_t tex_id, int* fd) {
    return api_.get_fd_for_texture(tex_id, fd);
}

int SystemRenderer::fd_for_texture2(uint32_t tex_id, int* fd, int* stride, int* offset) {
    return api_.get_fd_for_texture2(tex_id, fd, stride, offset);
}

}  // namespace viaduct::handover
