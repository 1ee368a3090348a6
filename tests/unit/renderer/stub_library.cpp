// Built three times: as a release of today, as one before 1.0 (STUB_OLD), and as one that lacks a
// function of all releases (STUB_BROKEN).
#include "stub_library.h"

#include <cerrno>
#include <cstring>

using viaduct::test::Stub;

extern "C" {

VIRGL_EXPORT Stub stub;

int virgl_renderer_init(void* cookie, int flags, virgl_renderer_callbacks* table) {
    ++stub.inits;
    stub.last_flags = flags;
    stub.cookie = cookie;
    stub.table = table;
    return flags & stub.init_fails_with_any_of ? -1 : 0;
}
void virgl_renderer_cleanup(void*) {
    ++stub.cleanups;
}
void virgl_renderer_get_cap_set(uint32_t set, uint32_t* version, uint32_t* size) {
    *version = 1;
    *size = 100 + set;
}

#ifdef STUB_OLD
constexpr size_t kInfoSize = offsetof(virgl_renderer_resource_info, fd);
constexpr int kErrorSign = 1;
#else
constexpr size_t kInfoSize = sizeof(virgl_renderer_resource_info);
constexpr int kErrorSign = -1;
int virgl_renderer_resource_get_info_ext(int, virgl_renderer_resource_info_ext* info) {
    info->base.width = 77;
    info->planes = 2;
    return 0;
}
void virgl_set_log_callback(virgl_log_callback_type callback, void* data,
                            virgl_free_data_callback_type) {
    callback(VIRGL_LOG_LEVEL_WARNING, "the stub is here\n", data);
}
#endif

int virgl_renderer_resource_get_info(int handle, virgl_renderer_resource_info* info) {
    virgl_renderer_resource_info all;
    std::memset(&all, 0x11, sizeof all);
    all.handle = static_cast<uint32_t>(handle);
    std::memcpy(info, &all, kInfoSize);
    return 0;
}
int virgl_renderer_export_fence(uint64_t, int*) {
    ++stub.last_export_fence;
    return kErrorSign * EINVAL;
}
int virgl_renderer_resource_export_blob(uint32_t, uint32_t*, int*) {
    return kErrorSign * ENOMEM;
}

int stub_nothing() {
    return 0;
}

// The rest only has to be there. As symbols: their types are the header's.
#define NOTHING(name) asm(".globl " #name "\n.set " #name ", stub_nothing")

NOTHING(virgl_renderer_reset);
NOTHING(virgl_renderer_poll);
NOTHING(virgl_renderer_get_poll_fd);
NOTHING(virgl_renderer_force_ctx_0);
NOTHING(virgl_renderer_execute);
NOTHING(virgl_renderer_fill_caps);
NOTHING(virgl_renderer_context_create);
NOTHING(virgl_renderer_context_create_with_flags);
NOTHING(virgl_renderer_context_destroy);
NOTHING(virgl_renderer_submit_cmd);
NOTHING(virgl_renderer_ctx_attach_resource);
NOTHING(virgl_renderer_ctx_detach_resource);
NOTHING(virgl_renderer_transfer_read_iov);
NOTHING(virgl_renderer_transfer_write_iov);
NOTHING(virgl_renderer_create_fence);
NOTHING(virgl_renderer_context_create_fence);
NOTHING(virgl_renderer_context_poll);
NOTHING(virgl_renderer_context_get_poll_fd);
NOTHING(virgl_renderer_resource_create);
NOTHING(virgl_renderer_resource_import_eglimage);
NOTHING(virgl_renderer_resource_create_blob);
NOTHING(virgl_renderer_resource_import_blob);
NOTHING(virgl_renderer_resource_unref);
NOTHING(virgl_renderer_resource_attach_iov);
NOTHING(virgl_renderer_resource_detach_iov);
NOTHING(virgl_renderer_resource_map);
NOTHING(virgl_renderer_resource_get_map_info);
NOTHING(virgl_renderer_get_rect);
NOTHING(virgl_renderer_get_cursor_data);
NOTHING(virgl_renderer_get_fd_for_texture);
NOTHING(virgl_renderer_get_fd_for_texture2);
NOTHING(virgl_set_debug_callback);
#ifndef STUB_BROKEN
NOTHING(virgl_renderer_resource_unmap);
#endif

}  // extern "C"
