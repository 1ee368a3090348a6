// A VMM in miniature: calls the C functions, with a stand-in GPU behind them.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <tuple>
#include <vector>

#include "fake_native.h"
#include "renderer/abi/virglrenderer.h"
#include "renderer/instance.h"
#include "renderer/software_2d.h"

namespace viaduct::test {

/// Calls that the VMM's callbacks have received.
struct Seen {
    std::vector<uint32_t> fences;
    std::vector<std::tuple<uint32_t, uint32_t, uint64_t>> context_fences;
    int drm_fds = 0;
    int drm_fd_answer = -1;  // a path is opened anew for each call if this is >= 0
};

inline void write_fence(void* cookie, uint32_t id) {
    static_cast<Seen*>(cookie)->fences.push_back(id);
}
inline void write_context_fence(void* cookie, uint32_t ctx, uint32_t ring, uint64_t id) {
    static_cast<Seen*>(cookie)->context_fences.emplace_back(ctx, ring, id);
}
inline int get_drm_fd(void* cookie) {
    auto* seen = static_cast<Seen*>(cookie);
    ++seen->drm_fds;
    return seen->drm_fd_answer < 0 ? -1 : ::open("/dev/null", O_RDWR | O_CLOEXEC);
}

inline virgl_renderer_callbacks callbacks_of_version(int version) {
    virgl_renderer_callbacks table{};
    table.version = version;
    table.write_fence = write_fence;
    if (version >= 3) table.write_context_fence = write_context_fence;
    return table;
}

/// No system library: 2D in software.
class SoftwareOnly : public ClassicProvider {
  public:
    CapsetInfo capset(uint32_t) override { return {}; }
    Result<std::unique_ptr<ClassicRenderer>> start(const InitRequest&) override {
        return std::make_unique<Software2d>();
    }
};

inline constexpr int kDrmFlags =
    VIRGL_RENDERER_DRM | VIRGL_RENDERER_ASYNC_FENCE_CB | VIRGL_RENDERER_THREAD_SYNC;
inline constexpr uint32_t kMappable = VIRGL_RENDERER_BLOB_FLAG_USE_MAPPABLE;
inline constexpr uint32_t kShareable = VIRGL_RENDERER_BLOB_FLAG_USE_SHAREABLE;

class Vmm : public ::testing::Test {
  protected:
    Vmm() {
        replace_instance(
            std::make_unique<Renderer>(gpu.factory(), std::make_unique<SoftwareOnly>()));
    }
    ~Vmm() override { replace_instance(nullptr); }

    int init(int flags = kDrmFlags) { return virgl_renderer_init(&seen, flags, &callbacks); }
    int native_context(uint32_t id) {
        return virgl_renderer_context_create_with_flags(id, VIRTGPU_DRM_CAPSET_DRM, 4, "test");
    }
    /// A HOST3D blob of context `ctx`.
    static int host_blob(uint32_t res, uint32_t ctx, uint64_t blob_id, uint64_t size,
                         uint32_t flags = kMappable) {
        virgl_renderer_resource_create_blob_args args{};
        args.res_handle = res;
        args.ctx_id = ctx;
        args.blob_mem = VIRGL_RENDERER_BLOB_MEM_HOST3D;
        args.blob_flags = flags;
        args.blob_id = blob_id;
        args.size = size;
        return virgl_renderer_resource_create_blob(&args);
    }

    FakeGpu gpu;
    Seen seen;
    virgl_renderer_callbacks callbacks = callbacks_of_version(4);
};

}  // namespace viaduct::test
