// ClassicRenderer: serves everything that is not a native context.
#pragma once

#include <sys/uio.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "base/ids.h"
#include "base/unique_fd.h"
#include "renderer/abi/virglrenderer.h"

namespace viaduct {

/// The result of virgl_renderer_get_cap_set.
struct CapsetInfo {
    uint32_t max_version = 0;
    uint32_t max_size = 0;
};

/// One transfer between a classic resource and its (or the given) iovecs.
struct Transfer {
    ResourceId resource = {};
    ContextId context = {};
    uint32_t level = 0;
    uint32_t stride = 0;
    uint32_t layer_stride = 0;
    virgl_box* box = nullptr;
    uint64_t offset = 0;
    iovec* iovecs = nullptr;  // null: those attached to the resource
    uint32_t num_iovecs = 0;
};

/// The rectangle of virgl_renderer_get_rect.
struct Rect {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;
};

/// 2D and 3D resources, virgl and Venus contexts, the context-0 timeline: either the system's
/// virglrenderer or a small software stand-in. The default methods refuse, with the sign of errno
/// that each C function is known for. Called without any lock of the renderer held, since an
/// implementation may call back into the VMM; only resource ids that it accepted come in.
class ClassicRenderer {
  public:
    virtual ~ClassicRenderer() = default;

    virtual void reset() = 0;
    virtual void poll() {}
    virtual int poll_fd() { return -1; }
    virtual void force_ctx_0() {}
    /// False: no thread watches this fence, so it may retire at once.
    virtual bool create_fence(uint32_t /*fence_id*/) { return false; }

    virtual CapsetInfo capset(uint32_t /*set*/) { return {}; }
    virtual void fill_caps(uint32_t /*set*/, uint32_t /*version*/, void* /*caps*/) {}

    virtual int context_create(ContextId /*ctx_id*/, uint32_t /*flags*/,
                               std::string_view /*name*/) {
        return EINVAL;
    }
    virtual void context_destroy(ContextId /*ctx_id*/) {}
    virtual int submit(ContextId /*ctx_id*/, void* /*buffer*/, int /*ndw*/) { return EINVAL; }
    virtual int submit_with_fences(ContextId /*ctx_id*/, void* /*buffer*/, int /*ndw*/,
                                   uint64_t* /*fence_ids*/, uint32_t /*count*/) {
        return -EINVAL;
    }
    virtual int context_create_fence(ContextId /*ctx_id*/, uint32_t /*flags*/, RingIndex /*ring*/,
                                     FenceId /*fence_id*/) {
        return -EINVAL;
    }
    virtual void context_poll(ContextId /*ctx_id*/) {}
    virtual int context_poll_fd(ContextId /*ctx_id*/) { return -1; }
    /// Takes the descriptor.
    virtual int attach_fence(ContextId /*ctx_id*/, UniqueFd /*fd*/) { return -EINVAL; }
    virtual int device_fd(ContextId /*ctx_id*/) { return -ENODEV; }
    virtual void attach_resource(ContextId /*ctx_id*/, ResourceId /*res_id*/) {}
    virtual void detach_resource(ContextId /*ctx_id*/, ResourceId /*res_id*/) {}
    virtual int export_fence(FenceId /*fence_id*/, int* /*fd*/) { return -EINVAL; }
    virtual int export_signalled_fence() { return -1; }

    virtual int resource_create(virgl_renderer_resource_create_args&, iovec*, uint32_t) {
        return EINVAL;
    }
    virtual int import_eglimage(virgl_renderer_resource_create_args&, void* /*image*/) {
        return EINVAL;
    }
    virtual int create_blob(const virgl_renderer_resource_create_blob_args&) { return -EINVAL; }
    /// Takes the descriptor only if it returns 0.
    virtual int import_blob(const virgl_renderer_resource_import_blob_args&) { return -EINVAL; }
    virtual void unref(ResourceId /*res_id*/) {}
    virtual int attach_iov(ResourceId /*res_id*/, iovec*, int) { return EINVAL; }
    virtual void detach_iov(ResourceId /*res_id*/, iovec** /*iov*/, int* /*count*/) {}
    virtual int transfer_write(const Transfer&) { return EINVAL; }
    virtual int transfer_read(const Transfer&) { return EINVAL; }
    virtual int map(ResourceId /*res_id*/, void** /*address*/, uint64_t* /*size*/) {
        return -EINVAL;
    }
    virtual int unmap(ResourceId /*res_id*/) { return -EINVAL; }
    virtual int map_fixed(ResourceId /*res_id*/, void* /*address*/) { return -EOPNOTSUPP; }
    virtual int map_info(ResourceId /*res_id*/, uint32_t* /*info*/) { return -EINVAL; }
    virtual int export_blob(ResourceId /*res_id*/, uint32_t* /*type*/, int* /*fd*/) {
        return -EINVAL;
    }
    /// `info` comes zeroed, with fd -1.
    virtual int info(ResourceId /*res_id*/, virgl_renderer_resource_info&) { return EINVAL; }
    virtual int info_ext(ResourceId res_id, virgl_renderer_resource_info_ext& info) {
        return this->info(res_id, info.base);
    }
    virtual int export_query(virgl_renderer_export_query&) { return -EINVAL; }
    virtual void get_rect(ResourceId /*res_id*/, iovec*, uint32_t, uint32_t /*offset*/,
                          const Rect&) {}
    /// malloc'ed pixels, or null.
    virtual void* cursor_data(ResourceId /*res_id*/, uint32_t* /*width*/, uint32_t* /*height*/) {
        return nullptr;
    }
    virtual int fd_for_texture(uint32_t /*tex_id*/, int* /*fd*/) { return -1; }
    virtual int fd_for_texture2(uint32_t /*tex_id*/, int* /*fd*/, int* /*stride*/,
                                int* /*offset*/) {
        return -1;
    }
};

}  // namespace viaduct
