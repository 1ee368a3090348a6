#include "tests/integration/abi/crosvm.h"

namespace viaduct::test {

// EGL, THREAD_SYNC, SURFACELESS, GLES, NO_VIRGL, ASYNC_FENCE_CB, DRM; and USE_EXTERNAL_BLOB.
const RutabagaHabits Crosvm::kHabits{.monitor = "crosvm", .flags = 0x59b};
const RutabagaHabits Crosvm::kSandboxed{.monitor = "crosvm, sandboxed", .flags = 0x5bb};

std::span<std::byte> Crosvm::map_blob(uint32_t res_id) {
    Resource* const resource = find(res_id);
    if (!resource || !resource->map_info) return {};
    const UniqueFd handle = take_handle(*resource);
    if (handle && resource->fd_type != VIRGL_RENDERER_BLOB_FD_TYPE_OPAQUE) {
        auto mapping = Mapping::map_shared(handle.get(), 0, resource->size);
        if (!mapping) return {};
        return (window_[res_id] = *std::move(mapping)).bytes();
    }
    if (habits().flags & VIRGL_RENDERER_USE_EXTERNAL_BLOB) return {};
    return map_by_library(res_id, *resource);
}

void Crosvm::unmap_blob(uint32_t res_id) {
    window_.erase(res_id);
    Rutabaga::unmap_blob(res_id);
}

}  // namespace viaduct::test
