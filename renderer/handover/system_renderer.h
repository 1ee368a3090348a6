// SystemRenderer: the system's virglrenderer as a ClassicRenderer.
#pragma once

#include <memory>

#include "base/ids.h"
#include "renderer/classic.h"
#include "renderer/handover/system_library.h"
#include "renderer/provider.h"

namespace viaduct::handover {

/// Hands every call on. It stands between the library and the VMM: the library gets our own
/// callback table, so that its fences take the same path as those of native contexts.
class SystemRenderer : public ClassicRenderer {
  public:
    /// Initialises `library` with `flags`. The error's code is what the library returned.
    static Result<std::unique_ptr<SystemRenderer>> create(const SystemLibrary& library, int flags,
                                                          const InitRequest& request);
    ~SystemRenderer() override;

    void reset() override;
    void poll() override;
    int poll_fd() override;
    void force_ctx_0() override;
    bool create_fence(uint32_t fence_id) override;
    void fill_caps(uint32_t set, uint32_t version, void* caps) override;

    int context_create(ContextId ctx_id, uint32_t flags, std::string_view name) override;
    void context_destroy(ContextId ctx_id) override;
    int submit(ContextId ctx_id, void* buffer, int ndw) override;
    int submit_with_fences(ContextId ctx_id, void* buffer, int ndw, uint64_t* fence_ids,
                           uint32_t count) override;
    int context_create_fence(ContextId ctx_id, uint32_t flags, RingIndex ring,
                             FenceId fence_id) override;
    void context_poll(ContextId ctx_id) override;
    int context_poll_fd(ContextId ctx_id) override;
    int attach_fence(ContextId ctx_id, UniqueFd fd) override;
    int device_fd(ContextId ctx_id) override;
    void attach_resource(ContextId ctx_id, ResourceId res_id) override;
    void detach_resource(ContextId ctx_id, ResourceId res_id) override;
    int export_fence(FenceId fence_id, int* fd) override;
    int export_signalled_fence() override;

    int resource_create(virgl_renderer_resource_create_args& args, iovec* iovecs,
                        uint32_t count) override;
    int import_eglimage(virgl_renderer_resource_create_args& args, void* image) override;
    int create_blob(const virgl_renderer_resource_create_blob_args& args) override;
    int import_blob(const virgl_renderer_resource_import_blob_args& args) override;
    void unref(ResourceId res_id) override;
    int attach_iov(ResourceId res_id, iovec* iovecs, int count) override;
    void detach_iov(ResourceId res_id, iovec** iovecs, int* count) override;
    int transfer_write(const Transfer& transfer) override;
    int transfer_read(const Transfer& transfer) override;
    int map(ResourceId res_id, void** address, uint64_t* size) override;
    int unmap(ResourceId res_id) override;
    int map_fixed(ResourceId res_id, void* address) override;
    int map_info(ResourceId res_id, uint32_t* info) override;
    int export_blob(ResourceId res_id, uint32_t* type, int* fd) override;
    int info(ResourceId res_id, virgl_renderer_resource_info& info) override;
    int info_ext(ResourceId res_id, virgl_renderer_resource_info_ext& info) override;
    int export_query(virgl_renderer_export_query& query) override;
    void get_rect(ResourceId res_id, iovec* iovecs, uint32_t count, uint32_t offset,
                  const Rect& rect) override;
    void* cursor_data(ResourceId res_id, uint32_t* width, uint32_t* height) override;
    int fd_for_texture(uint32_t tex_id, int* fd) override;
    int fd_for_texture2(uint32_t tex_id, int* fd, int* stride, int* offset) override;

  private:
    SystemRenderer(const SystemLibrary& library, const InitRequest& request);

    const SystemLibrary& library_;
    const SystemApi& api_;
    const Callbacks vmm_;
    FenceRelay& fences_;
    virgl_renderer_callbacks table_{};  // what the library sees; its cookie is this object
    bool running_ = false;
    bool has_fence_thread_ = false;
    bool fence_thread_ended_ = false;  // fences of context 0 are not reported any more

    friend struct Bridge;  // the callbacks, which reach back into this object
};

}  // namespace viaduct::handover
