// Library: a libvirglrenderer.so.1, through its public C ABI alone.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "renderer/abi/virglrenderer.h"

namespace viaduct::replay {

// Each is called as in renderer/abi/virglrenderer.h.
#define VIADUCT_REPLAY_CALLS(CALL)                 \
    CALL(virgl_renderer_init)                      \
    CALL(virgl_renderer_cleanup)                   \
    CALL(virgl_renderer_reset)                     \
    CALL(virgl_renderer_get_cap_set)               \
    CALL(virgl_renderer_fill_caps)                 \
    CALL(virgl_renderer_context_create_with_flags) \
    CALL(virgl_renderer_context_destroy)           \
    CALL(virgl_renderer_submit_cmd)                \
    CALL(virgl_renderer_submit_cmd2)               \
    CALL(virgl_renderer_ctx_attach_resource)       \
    CALL(virgl_renderer_ctx_detach_resource)       \
    CALL(virgl_renderer_context_create_fence)      \
    CALL(virgl_renderer_resource_create_blob)      \
    CALL(virgl_renderer_resource_detach_iov)       \
    CALL(virgl_renderer_resource_unref)            \
    CALL(virgl_renderer_resource_map)              \
    CALL(virgl_renderer_resource_unmap)

struct Library {
    /// Loads `path`, and keeps it loaded. ENOSYS: it lacks a function.
    static Result<Library> load(const std::string& path);

    std::string path;
#define VIADUCT_REPLAY_MEMBER(name) decltype(&::name) name = nullptr;
    VIADUCT_REPLAY_CALLS(VIADUCT_REPLAY_MEMBER)
#undef VIADUCT_REPLAY_MEMBER
};

/// This build's, or the one that the dynamic linker finds.
std::string default_library();

}  // namespace viaduct::replay
