// The C functions of libvirglrenderer.so.1: each hands its arguments to the one Renderer. No C++
// exception leaves this file.
#include <algorithm>
#include <cstring>
#include <new>
#include <system_error>

#include "base/log.h"
#include "renderer/abi/virglrenderer.h"
#include "renderer/instance.h"
#include "renderer/log_output.h"

using viaduct::ContextId;
using viaduct::FenceId;
using viaduct::instance;
using viaduct::ResourceId;
using viaduct::RingIndex;

namespace {

// Longer names are cut: the count comes from the guest, the VMM's buffer has this many bytes.
constexpr uint32_t kMaxNameLength = 64;

/// Runs `body`. What it throws becomes `failed(errno)`: short of memory, descriptors or threads.
/// In a forked child, which must not touch its parent's instance, all fails with EPERM; without a
/// line in the log, whose locks another thread may have held when the child was forked.
/// Lines for the log go out after it, with no lock held: the VMM's callback may call us.
template <typename Failed, typename Body>
auto guarded(Failed&& failed, Body&& body) noexcept -> decltype(body()) {
    if (viaduct::belongs_to_parent()) return failed(EPERM);
    const viaduct::LogHold hold;
    try {
        return body();
    } catch (const std::bad_alloc&) {
        return failed(ENOMEM);
    } catch (const std::system_error& error) {
        return failed(error.code().value() > 0 ? error.code().value() : EIO);
    } catch (...) {
        return failed(EIO);
    }
}

/// For functions that report -errno, +errno, nothing, or "no descriptor".
template <typename Body>
int negative(Body&& body) noexcept {
    return guarded([](int error) { return -error; }, body);
}
template <typename Body>
int positive(Body&& body) noexcept {
    return guarded([](int error) { return error; }, body);
}
template <typename Body>
void nothing(Body&& body) noexcept {
    guarded([](int) {}, body);
}
template <typename Body>
int descriptor(Body&& body) noexcept {
    return guarded([](int) { return -1; }, body);
}

// Ids are unsigned; some signatures say int.
uint32_t id(int value) {
    return static_cast<uint32_t>(value);
}
ContextId context(int value) {
    return ContextId(id(value));
}
ResourceId resource(int value) {
    return ResourceId(id(value));
}

int create_context(uint32_t ctx_id, uint32_t flags, uint32_t nlen, const char* name) {
    return positive([&] {
        const size_t length = name ? ::strnlen(name, std::min(nlen, kMaxNameLength)) : 0;
        return instance().context_create(ContextId(ctx_id), flags,
                                         length ? std::string_view(name, length) : "");
    });
}

}  // namespace

extern "C" {

// ---- Life cycle ---------------------------------------------------------------------------------

int virgl_renderer_init(void* cookie, int flags, virgl_renderer_callbacks* cb) {
    return negative([&] { return instance().init(cookie, flags, cb); });
}

void virgl_renderer_cleanup(void* /*cookie*/) {
    nothing([] {
        instance().cleanup();
        viaduct::give_instance_up();
    });
}

void virgl_renderer_reset(void) {
    nothing([] { instance().reset(); });
}

void virgl_renderer_poll(void) {
    nothing([] { instance().poll(); });
}

int virgl_renderer_get_poll_fd(void) {
    return descriptor([] { return instance().poll_fd(); });
}

void virgl_renderer_force_ctx_0(void) {
    nothing([] { instance().force_ctx_0(); });
}

int virgl_renderer_execute(void* execute_args, uint32_t execute_size) {
    return negative([&] {
        virgl_renderer_hdr header{};
        if (!execute_args || execute_size < sizeof header) return -EINVAL;
        std::memcpy(&header, execute_args, sizeof header);
        if (header.stype_version != 0 || header.size != execute_size) return -EINVAL;
        switch (header.stype) {
            case VIRGL_RENDERER_STRUCTURE_TYPE_SUPPORTED_STRUCTURES: {
                if (execute_size != sizeof(virgl_renderer_supported_structures)) return -EINVAL;
                auto& supported = *static_cast<virgl_renderer_supported_structures*>(execute_args);
                supported.out_supported_structures_mask =
                    supported.in_stype_version == 0
                        ? VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY |
                              VIRGL_RENDERER_STRUCTURE_TYPE_SUPPORTED_STRUCTURES
                        : 0;
                return 0;
            }
            case VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY:
                if (execute_size != sizeof(virgl_renderer_export_query)) return -EINVAL;
                return instance().export_query(
                    *static_cast<virgl_renderer_export_query*>(execute_args));
            default:
                return -EINVAL;
        }
    });
}

void virgl_set_log_callback(virgl_log_callback_type log_cb, void* user_data,
                            virgl_free_data_callback_type free_data) {
    nothing([&] { viaduct::set_log_callback(log_cb, user_data, free_data); });
}

virgl_debug_callback_type virgl_set_debug_callback(virgl_debug_callback_type cb) {
    return guarded([cb](int) { return cb; }, [&] { return viaduct::set_debug_callback(cb); });
}

// ---- Capability sets ----------------------------------------------------------------------------

void virgl_renderer_get_cap_set(uint32_t set, uint32_t* max_ver, uint32_t* max_size) {
    viaduct::CapsetInfo info;
    nothing([&] { info = instance().capset(set); });
    if (max_ver) *max_ver = info.max_version;
    if (max_size) *max_size = info.max_size;
}

void virgl_renderer_fill_caps(uint32_t set, uint32_t version, void* caps) {
    nothing([&] { instance().fill_caps(set, version, caps); });
}

// ---- Contexts -----------------------------------------------------------------------------------

int virgl_renderer_context_create(uint32_t handle, uint32_t nlen, const char* name) {
    return create_context(handle, VIRTGPU_DRM_CAPSET_VIRGL2, nlen, name);
}

int virgl_renderer_context_create_with_flags(uint32_t ctx_id, uint32_t ctx_flags, uint32_t nlen,
                                             const char* name) {
    return create_context(ctx_id, ctx_flags, nlen, name);
}

void virgl_renderer_context_destroy(uint32_t handle) {
    nothing([&] { instance().context_destroy(ContextId(handle)); });
}

int virgl_renderer_submit_cmd(void* buffer, int ctx_id, int ndw) {
    return positive([&] { return instance().submit(context(ctx_id), buffer, ndw); });
}

int virgl_renderer_submit_cmd2(void* buffer, int ctx_id, int ndw, uint64_t* in_fence_ids,
                               uint32_t num_in_fences) {
    return positive([&] {
        return instance().submit_with_fences(context(ctx_id), buffer, ndw, in_fence_ids,
                                             num_in_fences);
    });
}

int virgl_renderer_attach_fence(int ctx_id, int fd) {
    return negative([&] { return instance().attach_fence(context(ctx_id), fd); });
}

int virgl_renderer_get_dev_fd(int ctx_id) {
    return negative([&] { return instance().device_fd(context(ctx_id)); });
}

void virgl_renderer_ctx_attach_resource(int ctx_id, int res_handle) {
    nothing([&] { instance().attach_resource(context(ctx_id), resource(res_handle)); });
}

void virgl_renderer_ctx_detach_resource(int ctx_id, int res_handle) {
    nothing([&] { instance().detach_resource(context(ctx_id), resource(res_handle)); });
}

int virgl_renderer_transfer_read_iov(uint32_t handle, uint32_t ctx_id, uint32_t level,
                                     uint32_t stride, uint32_t layer_stride, virgl_box* box,
                                     uint64_t offset, iovec* iov, int iovec_cnt) {
    return positive([&] {
        if (iovec_cnt < 0) return EINVAL;
        return instance().transfer_read({ResourceId(handle), ContextId(ctx_id), level, stride,
                                         layer_stride, box, offset, iov,
                                         static_cast<uint32_t>(iovec_cnt)});
    });
}

int virgl_renderer_transfer_write_iov(uint32_t handle, uint32_t ctx_id, int level, uint32_t stride,
                                      uint32_t layer_stride, virgl_box* box, uint64_t offset,
                                      iovec* iovec, unsigned int iovec_cnt) {
    return positive([&] {
        return instance().transfer_write({ResourceId(handle), ContextId(ctx_id),
                                          static_cast<uint32_t>(level), stride, layer_stride, box,
                                          offset, iovec, iovec_cnt});
    });
}

// ---- Fences -------------------------------------------------------------------------------------

int virgl_renderer_create_fence(int client_fence_id, uint32_t /*ctx_id*/) {
    return positive([&] { return instance().create_fence(id(client_fence_id)); });
}

int virgl_renderer_context_create_fence(uint32_t ctx_id, uint32_t flags, uint32_t ring_idx,
                                        uint64_t fence_id) {
    return negative([&] {
        return instance().context_create_fence(ContextId(ctx_id), flags, RingIndex(ring_idx),
                                               FenceId(fence_id));
    });
}

void virgl_renderer_context_poll(uint32_t ctx_id) {
    nothing([&] { instance().context_poll(ContextId(ctx_id)); });
}

int virgl_renderer_context_get_poll_fd(uint32_t ctx_id) {
    return descriptor([&] { return instance().context_poll_fd(ContextId(ctx_id)); });
}

int virgl_renderer_export_fence(uint64_t client_fence_id, int* fd) {
    return negative([&] { return instance().export_fence(FenceId(client_fence_id), fd); });
}

int virgl_renderer_export_signalled_fence(void) {
    return descriptor([] { return instance().export_signalled_fence(); });
}

int virgl_renderer_get_fence_fd(uint64_t fence_id) {
    return descriptor([&] {
        int fd = -1;
        return instance().export_fence(FenceId(fence_id), &fd) == 0 ? fd : -1;
    });
}

// ---- Resources ----------------------------------------------------------------------------------

int virgl_renderer_resource_create(virgl_renderer_resource_create_args* args, iovec* iov,
                                   uint32_t num_iovs) {
    return negative([&] { return instance().resource_create(args, iov, num_iovs); });
}

int virgl_renderer_resource_import_eglimage(virgl_renderer_resource_create_args* args,
                                            void* image) {
    return negative([&] { return instance().import_eglimage(args, image); });
}

int virgl_renderer_resource_create_blob(const virgl_renderer_resource_create_blob_args* args) {
    return negative([&] { return instance().create_blob(args); });
}

int virgl_renderer_resource_import_blob(const virgl_renderer_resource_import_blob_args* args) {
    return negative([&] { return instance().import_blob(args); });
}

void virgl_renderer_resource_unref(uint32_t res_handle) {
    nothing([&] { instance().unref(ResourceId(res_handle)); });
}

int virgl_renderer_resource_attach_iov(int res_handle, iovec* iov, int num_iovs) {
    return positive([&] { return instance().attach_iov(resource(res_handle), iov, num_iovs); });
}

void virgl_renderer_resource_detach_iov(int res_handle, iovec** iov, int* num_iovs) {
    nothing([&] { instance().detach_iov(resource(res_handle), iov, num_iovs); });
}

int virgl_renderer_resource_map(uint32_t res_handle, void** map, uint64_t* out_size) {
    return negative([&] { return instance().map(ResourceId(res_handle), map, out_size); });
}

int virgl_renderer_resource_unmap(uint32_t res_handle) {
    return negative([&] { return instance().unmap(ResourceId(res_handle)); });
}

int virgl_renderer_resource_map_fixed(uint32_t res_handle, void* addr) {
    return negative([&] { return instance().map_fixed(ResourceId(res_handle), addr); });
}

// No header declares it: it is the proposal that became map_fixed, and a libkrun that was built for
// it is not loaded without it (docs/abi.md).
VIRGL_EXPORT int virgl_renderer_resource_map2(uint32_t res_handle, void* address, uint64_t size,
                                              int prot, int flags) {
    return negative(
        [&] { return instance().map_as(ResourceId(res_handle), address, size, prot, flags); });
}

int virgl_renderer_resource_set_guest_dmabuf(uint32_t res_handle, int fd) {
    return negative([&] { return instance().set_guest_dmabuf(ResourceId(res_handle), fd); });
}

int virgl_renderer_resource_get_map_info(uint32_t res_handle, uint32_t* map_info) {
    return negative([&] { return instance().map_info(ResourceId(res_handle), map_info); });
}

int virgl_renderer_resource_export_blob(uint32_t res_id, uint32_t* fd_type, int* fd) {
    return negative([&] { return instance().export_blob(ResourceId(res_id), fd_type, fd); });
}

int virgl_renderer_resource_get_info(int res_handle, virgl_renderer_resource_info* info) {
    return positive([&] { return instance().info(resource(res_handle), info); });
}

int virgl_renderer_resource_get_info_ext(int res_handle, virgl_renderer_resource_info_ext* info) {
    return positive([&] { return instance().info_ext(resource(res_handle), info); });
}

void virgl_renderer_resource_set_priv(uint32_t res_handle, void* priv) {
    nothing([&] { instance().set_priv(ResourceId(res_handle), priv); });
}

void* virgl_renderer_resource_get_priv(uint32_t res_handle) {
    return guarded([](int) -> void* { return nullptr; },
                   [&] { return instance().get_priv(ResourceId(res_handle)); });
}

void virgl_renderer_get_rect(int resource_id, iovec* iov, unsigned int num_iovs, uint32_t offset,
                             int x, int y, int width, int height) {
    nothing([&] {
        instance().get_rect(resource(resource_id), iov, num_iovs, offset, {x, y, width, height});
    });
}

void* virgl_renderer_get_cursor_data(uint32_t resource_id, uint32_t* width, uint32_t* height) {
    return guarded([](int) -> void* { return nullptr; },
                   [&] { return instance().cursor_data(ResourceId(resource_id), width, height); });
}

int virgl_renderer_get_fd_for_texture(uint32_t tex_id, int* fd) {
    return descriptor([&] { return instance().fd_for_texture(tex_id, fd); });
}

int virgl_renderer_get_fd_for_texture2(uint32_t tex_id, int* fd, int* stride, int* offset) {
    return descriptor([&] { return instance().fd_for_texture2(tex_id, fd, stride, offset); });
}

}  // extern "C"
