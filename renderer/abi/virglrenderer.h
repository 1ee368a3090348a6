/* The C ABI of libvirglrenderer.so.1, as virtual machine monitors call it (release 1.3.0).
 *
 * Our own declaration of the public interface: same names, layouts and signatures as the upstream
 * header, so that a caller built against either one works with any implementation. The layout
 * checks hold for LP64. How this library behaves behind it: renderer/README.md.
 *
 * Return values follow history and differ per function: "+E" is a positive errno, "-E" a negative
 * one. Descriptor and memory ownership is stated where anything changes hands.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define VIRGL_LAYOUT(condition) static_assert(condition)
#else
#define VIRGL_LAYOUT(condition) _Static_assert(condition, #condition)
#endif

#define VIRGL_EXPORT __attribute__((visibility("default")))

struct iovec;

/* ---- Constants ------------------------------------------------------------------------------ */

#define VIRGL_RENDERER_CALLBACKS_VERSION 4

/* Flags of virgl_renderer_init. */
#define VIRGL_RENDERER_USE_EGL (1 << 0)
#define VIRGL_RENDERER_THREAD_SYNC (1 << 1)
#define VIRGL_RENDERER_USE_GLX (1 << 2)
#define VIRGL_RENDERER_USE_SURFACELESS (1 << 3)
#define VIRGL_RENDERER_USE_GLES (1 << 4)
#define VIRGL_RENDERER_USE_EXTERNAL_BLOB (1 << 5)
#define VIRGL_RENDERER_VENUS (1 << 6)
#define VIRGL_RENDERER_NO_VIRGL (1 << 7)
#define VIRGL_RENDERER_ASYNC_FENCE_CB (1 << 8)
#define VIRGL_RENDERER_RENDER_SERVER (1 << 9)
#define VIRGL_RENDERER_DRM (1 << 10)
#define VIRGL_RENDERER_USE_VIDEO (1 << 11)
#define VIRGL_RENDERER_D3D11_SHARE_TEXTURE (1 << 12)
#define VIRGL_RENDERER_COMPAT_PROFILE (1 << 13)
#define VIRGL_RENDERER_USE_GUEST_VRAM (1 << 14)

/* Capability sets (virtio-gpu device specification, "capset id"). */
#define VIRTGPU_DRM_CAPSET_VIRGL 1
#define VIRTGPU_DRM_CAPSET_VIRGL2 2
#define VIRTGPU_DRM_CAPSET_VENUS 4
#define VIRTGPU_DRM_CAPSET_DRM 6

#define VIRGL_RENDERER_CONTEXT_FLAG_CAPSET_ID_MASK 0xff

#define VIRGL_RENDERER_BLOB_MEM_GUEST 1
#define VIRGL_RENDERER_BLOB_MEM_HOST3D 2
#define VIRGL_RENDERER_BLOB_MEM_HOST3D_GUEST 3
#define VIRGL_RENDERER_BLOB_MEM_GUEST_VRAM 4

#define VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE (1 << 0)
#define VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE (1 << 1)
#define VIRGL_RENDERER_BLOB_FLAG_USE_CROSS_DEVICE (1 << 2)

#define VIRGL_RENDERER_MAP_CACHE_MASK 0x0f
#define VIRGL_RENDERER_MAP_CACHE_NONE 0
#define VIRGL_RENDERER_MAP_CACHE_CACHED 1
#define VIRGL_RENDERER_MAP_CACHE_UNCACHED 2
#define VIRGL_RENDERER_MAP_CACHE_WC 3

#define VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF 1
#define VIRGL_RENDERER_BLOB_FD_TYPE_OPAQUE 2
#define VIRGL_RENDERER_BLOB_FD_TYPE_SHM 3

/* The callback for this fence may be skipped if a later one of its timeline retires. */
#define VIRGL_RENDERER_FENCE_FLAG_MERGEABLE (1 << 0)

#define VIRGL_RENDERER_STRUCTURE_TYPE_NONE 0
#define VIRGL_RENDERER_STRUCTURE_TYPE_EXPORT_QUERY (1 << 0)
#define VIRGL_RENDERER_STRUCTURE_TYPE_SUPPORTED_STRUCTURES (1 << 1)

#define VIRGL_RENDERER_RESOURCE_INFO_EXT_VERSION 0

#define VIRGL_RES_BIND_DEPTH_STENCIL (1 << 0)
#define VIRGL_RES_BIND_RENDER_TARGET (1 << 1)
#define VIRGL_RES_BIND_SAMPLER_VIEW (1 << 3)
#define VIRGL_RES_BIND_VERTEX_BUFFER (1 << 4)
#define VIRGL_RES_BIND_INDEX_BUFFER (1 << 5)
#define VIRGL_RES_BIND_CONSTANT_BUFFER (1 << 6)
#define VIRGL_RES_BIND_STREAM_OUTPUT (1 << 11)
#define VIRGL_RES_BIND_CURSOR (1 << 16)
#define VIRGL_RES_BIND_CUSTOM (1 << 17)
#define VIRGL_RES_BIND_SCANOUT (1 << 18)
#define VIRGL_RES_BIND_SHARED (1 << 20)

enum virgl_log_level_flags {
    VIRGL_LOG_LEVEL_DEBUG = 0,
    VIRGL_LOG_LEVEL_INFO = 1,
    VIRGL_LOG_LEVEL_WARNING = 2,
    VIRGL_LOG_LEVEL_ERROR = 3,
    VIRGL_LOG_LEVEL_SILENT = 4,
};

/* ---- Structures ----------------------------------------------------------------------------- */

typedef void* virgl_renderer_gl_context;

struct virgl_renderer_gl_ctx_param {
    int version;
    bool shared;
    int major_ver;
    int minor_ver;
    int compat_ctx; /* version 2 */
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_gl_ctx_param) == 20);

/* Kept by pointer until cleanup. Only the members that `version` covers may be read. */
struct virgl_renderer_callbacks {
    int version;
    void (*write_fence)(void* cookie, uint32_t fence);
    virgl_renderer_gl_context (*create_gl_context)(void* cookie, int scanout_idx,
                                                   struct virgl_renderer_gl_ctx_param* param);
    void (*destroy_gl_context)(void* cookie, virgl_renderer_gl_context ctx);
    int (*make_current)(void* cookie, int scanout_idx, virgl_renderer_gl_context ctx);
    /* version 2: a new descriptor each call, owned by the library; -1: none */
    int (*get_drm_fd)(void* cookie);
    /* version 3 */
    void (*write_context_fence)(void* cookie, uint32_t ctx_id, uint32_t ring_idx,
                                uint64_t fence_id);
    int (*get_server_fd)(void* cookie, uint32_t version);
    /* version 4 */
    void* (*get_egl_display)(void* cookie);
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_callbacks) == 72);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_callbacks, write_fence) == 8);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_callbacks, get_drm_fd) == 40);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_callbacks, write_context_fence) == 48);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_callbacks, get_egl_display) == 64);

struct virgl_renderer_resource_create_args {
    uint32_t handle;
    uint32_t target;
    uint32_t format;
    uint32_t bind;
    uint32_t width;
    uint32_t height;
    uint32_t depth;
    uint32_t array_size;
    uint32_t last_level;
    uint32_t nr_samples;
    uint32_t flags;
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_resource_create_args) == 44);

struct virgl_renderer_resource_create_blob_args {
    uint32_t res_handle;
    uint32_t ctx_id;
    uint32_t blob_mem;
    uint32_t blob_flags;
    uint64_t blob_id;
    uint64_t size;              /* bytes */
    const struct iovec* iovecs; /* borrowed until detach_iov or unref */
    uint32_t num_iovs;
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_resource_create_blob_args) == 48);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_resource_create_blob_args, blob_id) == 16);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_resource_create_blob_args, num_iovs) == 40);

struct virgl_renderer_resource_import_blob_args {
    uint32_t res_handle;
    uint32_t blob_mem;
    uint32_t fd_type;
    int fd;        /* the library's on success, else still the caller's */
    uint64_t size; /* bytes */
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_resource_import_blob_args) == 24);

struct virgl_renderer_resource_info {
    uint32_t handle;
    uint32_t virgl_format;
    uint32_t width;
    uint32_t height;
    uint32_t depth;
    uint32_t flags;
    uint32_t tex_id;
    uint32_t stride;
    int drm_fourcc;
    int fd; /* borrowed; -1: none. Since release 1.0 */
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_resource_info) == 40);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_resource_info, fd) == 36);

struct virgl_renderer_resource_info_ext {
    int version;
    struct virgl_renderer_resource_info base;
    bool has_dmabuf_export;
    int planes;
    uint64_t modifiers;
    void* d3d_tex2d;
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_resource_info_ext) == 72);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_resource_info_ext, has_dmabuf_export) == 44);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_resource_info_ext, modifiers) == 56);

struct virgl_renderer_hdr {
    uint32_t stype;
    uint32_t stype_version;
    uint32_t size;
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_hdr) == 12);

struct virgl_renderer_export_query {
    struct virgl_renderer_hdr hdr;
    uint32_t in_resource_id;
    uint32_t out_num_fds;
    uint32_t in_export_fds;
    uint32_t out_fourcc;
    uint32_t pad;
    int32_t out_fds[4];
    uint32_t out_strides[4];
    uint32_t out_offsets[4];
    uint64_t out_modifier;
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_export_query) == 88);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_export_query, out_fds) == 32);
VIRGL_LAYOUT(offsetof(struct virgl_renderer_export_query, out_modifier) == 80);

struct virgl_renderer_supported_structures {
    struct virgl_renderer_hdr hdr;
    uint32_t in_stype_version;
    uint32_t out_supported_structures_mask;
};
VIRGL_LAYOUT(sizeof(struct virgl_renderer_supported_structures) == 20);

/* Same layout as struct virtio_gpu_box. */
struct virgl_box {
    uint32_t x, y, z;
    uint32_t w, h, d;
};
VIRGL_LAYOUT(sizeof(struct virgl_box) == 24);

typedef void (*virgl_debug_callback_type)(const char* fmt, va_list ap);
typedef void (*virgl_log_callback_type)(enum virgl_log_level_flags log_level, const char* message,
                                        void* user_data);
typedef void (*virgl_free_data_callback_type)(void* user_data);

/* ---- Life cycle ----------------------------------------------------------------------------- */

/* 0; -EBUSY: running with other arguments; another value: failed, everything torn down again. */
VIRGL_EXPORT int virgl_renderer_init(void* cookie, int flags, struct virgl_renderer_callbacks* cb);
VIRGL_EXPORT void virgl_renderer_cleanup(void* cookie);
VIRGL_EXPORT void virgl_renderer_reset(void);
VIRGL_EXPORT void virgl_renderer_poll(void);
VIRGL_EXPORT int virgl_renderer_get_poll_fd(void); /* borrowed, or -1 */
VIRGL_EXPORT void virgl_renderer_force_ctx_0(void);
VIRGL_EXPORT int virgl_renderer_execute(void* execute_args, uint32_t execute_size); /* -E */
/* The previous `free_data` is called with its user data. May be called before init. */
VIRGL_EXPORT void virgl_set_log_callback(virgl_log_callback_type log_cb, void* user_data,
                                         virgl_free_data_callback_type free_data);
/* Deprecated. Returns the previous callback, never null. */
VIRGL_EXPORT virgl_debug_callback_type virgl_set_debug_callback(virgl_debug_callback_type cb);

/* ---- Capability sets: may be called before init --------------------------------------------- */

VIRGL_EXPORT void virgl_renderer_get_cap_set(uint32_t set, uint32_t* max_ver, uint32_t* max_size);
VIRGL_EXPORT void virgl_renderer_fill_caps(uint32_t set, uint32_t version, void* caps);

/* ---- Contexts -------------------------------------------------------------------------------- */

/* +E */
VIRGL_EXPORT int virgl_renderer_context_create(uint32_t handle, uint32_t nlen, const char* name);
VIRGL_EXPORT int virgl_renderer_context_create_with_flags(uint32_t ctx_id, uint32_t ctx_flags,
                                                          uint32_t nlen, const char* name);
VIRGL_EXPORT void virgl_renderer_context_destroy(uint32_t handle);
/* +E. `ndw` 32-bit words; at least 4-byte aligned. */
VIRGL_EXPORT int virgl_renderer_submit_cmd(void* buffer, int ctx_id, int ndw);
VIRGL_EXPORT int virgl_renderer_submit_cmd2(void* buffer, int ctx_id, int ndw,
                                            uint64_t* in_fence_ids, uint32_t num_in_fences);
/* Takes `fd` (a sync file) if the context exists. */
VIRGL_EXPORT int virgl_renderer_attach_fence(int ctx_id, int fd);
VIRGL_EXPORT int virgl_renderer_get_dev_fd(int ctx_id); /* borrowed, or -E */
VIRGL_EXPORT void virgl_renderer_ctx_attach_resource(int ctx_id, int res_handle);
VIRGL_EXPORT void virgl_renderer_ctx_detach_resource(int ctx_id, int res_handle);
VIRGL_EXPORT int virgl_renderer_transfer_read_iov(uint32_t handle, uint32_t ctx_id, uint32_t level,
                                                  uint32_t stride, uint32_t layer_stride,
                                                  struct virgl_box* box, uint64_t offset,
                                                  struct iovec* iov, int iovec_cnt);
VIRGL_EXPORT int virgl_renderer_transfer_write_iov(uint32_t handle, uint32_t ctx_id, int level,
                                                   uint32_t stride, uint32_t layer_stride,
                                                   struct virgl_box* box, uint64_t offset,
                                                   struct iovec* iovec, unsigned int iovec_cnt);

/* ---- Fences ---------------------------------------------------------------------------------- */

VIRGL_EXPORT int virgl_renderer_create_fence(int client_fence_id, uint32_t ctx_id); /* +E */
VIRGL_EXPORT int virgl_renderer_context_create_fence(uint32_t ctx_id, uint32_t flags,
                                                     uint32_t ring_idx, uint64_t fence_id); /* -E */
VIRGL_EXPORT void virgl_renderer_context_poll(uint32_t ctx_id);
VIRGL_EXPORT int virgl_renderer_context_get_poll_fd(uint32_t ctx_id);
/* A new sync file, the caller's. Release 0.10 took a 32-bit id. */
VIRGL_EXPORT int virgl_renderer_export_fence(uint64_t client_fence_id, int* fd); /* -E */
VIRGL_EXPORT int virgl_renderer_export_signalled_fence(void);
VIRGL_EXPORT int virgl_renderer_get_fence_fd(uint64_t fence_id);

/* ---- Resources ------------------------------------------------------------------------------- */

VIRGL_EXPORT int virgl_renderer_resource_create(struct virgl_renderer_resource_create_args* args,
                                                struct iovec* iov, uint32_t num_iovs);
VIRGL_EXPORT int virgl_renderer_resource_import_eglimage(
    struct virgl_renderer_resource_create_args* args, void* image);
VIRGL_EXPORT int virgl_renderer_resource_create_blob(
    const struct virgl_renderer_resource_create_blob_args* args); /* -E */
VIRGL_EXPORT int virgl_renderer_resource_import_blob(
    const struct virgl_renderer_resource_import_blob_args* args); /* -E */
VIRGL_EXPORT void virgl_renderer_resource_unref(uint32_t res_handle);
VIRGL_EXPORT int virgl_renderer_resource_attach_iov(int res_handle, struct iovec* iov,
                                                    int num_iovs); /* +E */
VIRGL_EXPORT void virgl_renderer_resource_detach_iov(int res_handle, struct iovec** iov,
                                                     int* num_iovs);
/* The mapping is the library's, until resource_unmap. -E */
VIRGL_EXPORT int virgl_renderer_resource_map(uint32_t res_handle, void** map, uint64_t* out_size);
VIRGL_EXPORT int virgl_renderer_resource_unmap(uint32_t res_handle);
/* The mapping is the caller's. -E; -EOPNOTSUPP: use resource_map. */
VIRGL_EXPORT int virgl_renderer_resource_map_fixed(uint32_t res_handle, void* addr);
/* A dma-buf of the same memory as a GUEST blob's iovecs, for monitors with zero copy of guest
 * buffers. The library owns `fd` if the call succeeds. -E; -EOPNOTSUPP: go on copying. */
VIRGL_EXPORT int virgl_renderer_resource_set_guest_dmabuf(uint32_t res_handle, int fd);
VIRGL_EXPORT int virgl_renderer_resource_get_map_info(uint32_t res_handle, uint32_t* map_info);
/* `fd` is the caller's. -E */
VIRGL_EXPORT int virgl_renderer_resource_export_blob(uint32_t res_id, uint32_t* fd_type, int* fd);
VIRGL_EXPORT int virgl_renderer_resource_get_info(int res_handle,
                                                  struct virgl_renderer_resource_info* info);
VIRGL_EXPORT int virgl_renderer_resource_get_info_ext(
    int res_handle, struct virgl_renderer_resource_info_ext* info);
VIRGL_EXPORT void virgl_renderer_resource_set_priv(uint32_t res_handle, void* priv);
VIRGL_EXPORT void* virgl_renderer_resource_get_priv(uint32_t res_handle);
VIRGL_EXPORT void virgl_renderer_get_rect(int resource_id, struct iovec* iov, unsigned int num_iovs,
                                          uint32_t offset, int x, int y, int width, int height);
/* malloc'ed pixels, the caller's; or null. */
VIRGL_EXPORT void* virgl_renderer_get_cursor_data(uint32_t resource_id, uint32_t* width,
                                                  uint32_t* height);
VIRGL_EXPORT int virgl_renderer_get_fd_for_texture(uint32_t tex_id, int* fd);
VIRGL_EXPORT int virgl_renderer_get_fd_for_texture2(uint32_t tex_id, int* fd, int* stride,
                                                    int* offset);

#ifdef __cplusplus
}
#endif
