// SystemLibrary: the distribution's own libvirglrenderer, loaded beside ours.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "renderer/abi/virglrenderer.h"

namespace viaduct::handover {

/// The functions of one loaded library. Those from attach_fence on are newer than release 0.10 and
/// may be null.
struct SystemApi {
    decltype(&virgl_renderer_init) init;
    decltype(&virgl_renderer_cleanup) cleanup;
    decltype(&virgl_renderer_reset) reset;
    decltype(&virgl_renderer_poll) poll;
    decltype(&virgl_renderer_get_poll_fd) get_poll_fd;
    decltype(&virgl_renderer_force_ctx_0) force_ctx_0;
    decltype(&virgl_renderer_execute) execute;
    decltype(&virgl_set_debug_callback) set_debug_callback;
    decltype(&virgl_renderer_get_cap_set) get_cap_set;
    decltype(&virgl_renderer_fill_caps) fill_caps;
    decltype(&virgl_renderer_context_create_with_flags) context_create_with_flags;
    decltype(&virgl_renderer_context_destroy) context_destroy;
    decltype(&virgl_renderer_submit_cmd) submit_cmd;
    decltype(&virgl_renderer_ctx_attach_resource) ctx_attach_resource;
    decltype(&virgl_renderer_ctx_detach_resource) ctx_detach_resource;
    decltype(&virgl_renderer_transfer_read_iov) transfer_read_iov;
    decltype(&virgl_renderer_transfer_write_iov) transfer_write_iov;
    decltype(&virgl_renderer_create_fence) create_fence;
    decltype(&virgl_renderer_context_create_fence) context_create_fence;
    decltype(&virgl_renderer_context_poll) context_poll;
    decltype(&virgl_renderer_context_get_poll_fd) context_get_poll_fd;
    decltype(&virgl_renderer_export_fence) export_fence;
    decltype(&virgl_renderer_resource_create) resource_create;
    decltype(&virgl_renderer_resource_import_eglimage) resource_import_eglimage;
    decltype(&virgl_renderer_resource_create_blob) resource_create_blob;
    decltype(&virgl_renderer_resource_import_blob) resource_import_blob;
    decltype(&virgl_renderer_resource_unref) resource_unref;
    decltype(&virgl_renderer_resource_attach_iov) resource_attach_iov;
    decltype(&virgl_renderer_resource_detach_iov) resource_detach_iov;
    decltype(&virgl_renderer_resource_map) resource_map;
    decltype(&virgl_renderer_resource_unmap) resource_unmap;
    decltype(&virgl_renderer_resource_get_map_info) resource_get_map_info;
    decltype(&virgl_renderer_resource_export_blob) resource_export_blob;
    decltype(&virgl_renderer_resource_get_info) resource_get_info;
    decltype(&virgl_renderer_get_rect) get_rect;
    decltype(&virgl_renderer_get_cursor_data) get_cursor_data;
    decltype(&virgl_renderer_get_fd_for_texture) get_fd_for_texture;
    decltype(&virgl_renderer_get_fd_for_texture2) get_fd_for_texture2;
    // Since 1.0
    decltype(&virgl_set_log_callback) set_log_callback;
    decltype(&virgl_renderer_resource_get_info_ext) resource_get_info_ext;
    decltype(&virgl_renderer_submit_cmd2) submit_cmd2;
    decltype(&virgl_renderer_export_signalled_fence) export_signalled_fence;
    // Since 1.2
    decltype(&virgl_renderer_attach_fence) attach_fence;
    decltype(&virgl_renderer_get_dev_fd) get_dev_fd;
    // Since 1.3
    decltype(&virgl_renderer_resource_map_fixed) resource_map_fixed;
};

/// One loaded library; it stays loaded for the life of the process, as its threads and the GL
/// stack below it may.
class SystemLibrary {
  public:
    /// Looks where the dynamic linker keeps libraries, ours excepted, or where
    /// VIADUCT_SYSTEM_VIRGLRENDERER says. ENOENT: there is none, or "none" was asked for.
    static Result<std::unique_ptr<SystemLibrary>> find();
    static Result<std::unique_ptr<SystemLibrary>> load(const std::string& path);

    const SystemApi& api() const { return api_; }
    const std::string& path() const { return path_; }
    /// Releases before 1.0 take 32-bit fence ids and know no descriptor in resource_info.
    bool before_1_0() const { return api_.resource_get_info_ext == nullptr; }

  private:
    SystemLibrary(std::string path, void* handle) : path_(std::move(path)), handle_(handle) {}
    Status resolve();
    void connect_log() const;

    std::string path_;
    void* handle_;
    SystemApi api_{};
};

}  // namespace viaduct::handover
