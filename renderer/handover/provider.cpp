// Chooses the server of virgl, Venus and 2D: the system's virglrenderer, else software.
#include <set>

#include "base/log.h"
#include "base/mutex.h"
#include "renderer/handover/system_renderer.h"
#include "renderer/provider.h"
#include "renderer/software_2d.h"

namespace viaduct {

namespace handover {

namespace {

constexpr int kVenusFlags = VIRGL_RENDERER_VENUS | VIRGL_RENDERER_RENDER_SERVER;

bool is_classic_capset(uint32_t set) {
    return set == VIRTGPU_DRM_CAPSET_VIRGL || set == VIRTGPU_DRM_CAPSET_VIRGL2 ||
           set == VIRTGPU_DRM_CAPSET_VENUS;
}

// Without a window system of its own the library calls the VMM's GL functions, present or not.
bool can_make_gl_contexts(const InitRequest& request) {
    if (request.flags & (VIRGL_RENDERER_USE_EGL | VIRGL_RENDERER_USE_GLX)) return true;
    const auto* table = request.callbacks.table();
    return table->create_gl_context && table->destroy_gl_context && table->make_current;
}

/// Loads the system's library at first need. A library that does not start, as on a host without a
/// display, must not cost the VMM its 2D console or its native contexts: what cannot start is
/// withdrawn, with one line in the log, and software takes over.
class SystemProvider : public ClassicProvider {
  public:
    CapsetInfo capset(uint32_t set) override {
        if (!is_classic_capset(set)) return {};
        const LockGuard lock(mutex_);
        const SystemLibrary* library = find_library();
        CapsetInfo info;
        if (library && !withdrawn_.contains(set))
            library->api().get_cap_set(set, &info.max_version, &info.max_size);
        return info;
    }

    Result<std::unique_ptr<ClassicRenderer>> start(const InitRequest& request) override {
        // Native contexts are ours.
        int flags = request.flags & ~VIRGL_RENDERER_DRM;
        if (!can_make_gl_contexts(request)) flags |= VIRGL_RENDERER_NO_VIRGL;
        if (auto renderer = try_flags(request, flags)) return renderer;
        if (flags & kVenusFlags)
            if (auto renderer = try_flags(request, flags & ~kVenusFlags)) return renderer;
        return std::make_unique<Software2d>();
    }

  private:
    // Null: nothing to start with these flags, or it does not start.
    std::unique_ptr<ClassicRenderer> try_flags(const InitRequest& request, int flags) {
        const bool virgl = !(flags & VIRGL_RENDERER_NO_VIRGL);
        const bool venus = flags & VIRGL_RENDERER_VENUS;
        if (!virgl && !venus) return nullptr;
        const SystemLibrary* library = nullptr;
        {
            const LockGuard lock(mutex_);
            library = find_library();
        }
        if (!library) return nullptr;
        auto renderer = SystemRenderer::create(*library, flags, request);
        const LockGuard lock(mutex_);
        if (renderer) {
            withdrawn_.erase(VIRTGPU_DRM_CAPSET_VIRGL);
            withdrawn_.erase(VIRTGPU_DRM_CAPSET_VIRGL2);
            if (venus) withdrawn_.erase(VIRTGPU_DRM_CAPSET_VENUS);
            return std::move(*renderer);
        }
        log(LogLevel::kError, "{}; continuing without it", renderer.error().message);
        // Venus is the likelier culprit: the next attempt does without it.
        if (venus)
            withdrawn_ = {VIRTGPU_DRM_CAPSET_VENUS};
        else
            withdrawn_ = {VIRTGPU_DRM_CAPSET_VIRGL, VIRTGPU_DRM_CAPSET_VIRGL2,
                          VIRTGPU_DRM_CAPSET_VENUS};
        return nullptr;
    }

    const SystemLibrary* find_library() VIADUCT_REQUIRES(mutex_) {
        if (searched_) return library_.get();
        searched_ = true;
        auto found = SystemLibrary::find();
        if (found)
            library_ = std::move(*found);
        else
            log(found.error().code == ENOENT ? LogLevel::kInfo : LogLevel::kWarning,
                "no virgl, no Venus, 2D in software: {}", found.error().message);
        return library_.get();
    }

    Mutex mutex_;
    bool searched_ VIADUCT_GUARDED_BY(mutex_) = false;
    std::unique_ptr<SystemLibrary> library_ VIADUCT_GUARDED_BY(mutex_);
    std::set<uint32_t> withdrawn_
        VIADUCT_GUARDED_BY(mutex_);  // capsets whose renderer did not start
};

}  // namespace

}  // namespace handover

std::unique_ptr<ClassicProvider> default_classic_provider() {
    return std::make_unique<handover::SystemProvider>();
}

}  // namespace viaduct
