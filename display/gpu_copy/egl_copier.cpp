#include "display/gpu_copy/egl_copier.h"

#include <drm_fourcc.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/log.h"
#include "display/gpu_copy/egl_display.h"
#include "display/render_node.h"

namespace viaduct::gpu_copy {

namespace {

/// A buffer as the colours of a framebuffer, to read or to draw into.
class Surface {
  public:
    /// `description` has checked planes; its descriptors are borrowed.
    Surface(const EglDisplay& display, const FrameDescription& description)
        : display_(display), gl_(display.library()) {
        import(description);
    }
    Surface(const Surface&) = delete;
    Surface& operator=(const Surface&) = delete;
    ~Surface() {
        if (framebuffer_) gl_.glDeleteFramebuffers(1, &framebuffer_);
        if (colours_) gl_.glDeleteRenderbuffers(1, &colours_);
        if (image_) gl_.eglDestroyImageKHR(display_.handle(), image_);
    }
    GLuint framebuffer() const { return framebuffer_; }
    Status check() const {
        if (!image_) return fail(EINVAL, "EGL cannot import it: {}", display_.last_error());
        gl_.glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
        if (gl_.glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
            return fail(EINVAL, "GLES cannot use it");
        return {};
    }

  private:
    void import(const FrameDescription& description) {
        image_ = gl_.eglCreateImageKHR(display_.handle(), EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT,
                                       nullptr, attributes(description).data());
        if (!image_) return;
        gl_.glGenRenderbuffers(1, &colours_);
        gl_.glBindRenderbuffer(GL_RENDERBUFFER, colours_);
        gl_.glEGLImageTargetRenderbufferStorageOES(GL_RENDERBUFFER, image_);
        gl_.glGenFramebuffers(1, &framebuffer_);
        gl_.glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
        gl_.glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER,
                                      colours_);
    }
    // EGL_EXT_image_dma_buf_import and ..._modifiers. Without a modifier the driver's own record of
    // the buffer decides.
    static std::vector<EGLint> attributes(const FrameDescription& description) {
        constexpr EGLint kPlanes[][5] = {
            {EGL_DMA_BUF_PLANE0_FD_EXT, EGL_DMA_BUF_PLANE0_OFFSET_EXT, EGL_DMA_BUF_PLANE0_PITCH_EXT,
             EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT},
            {EGL_DMA_BUF_PLANE1_FD_EXT, EGL_DMA_BUF_PLANE1_OFFSET_EXT, EGL_DMA_BUF_PLANE1_PITCH_EXT,
             EGL_DMA_BUF_PLANE1_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE1_MODIFIER_HI_EXT},
            {EGL_DMA_BUF_PLANE2_FD_EXT, EGL_DMA_BUF_PLANE2_OFFSET_EXT, EGL_DMA_BUF_PLANE2_PITCH_EXT,
             EGL_DMA_BUF_PLANE2_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE2_MODIFIER_HI_EXT},
            {EGL_DMA_BUF_PLANE3_FD_EXT, EGL_DMA_BUF_PLANE3_OFFSET_EXT, EGL_DMA_BUF_PLANE3_PITCH_EXT,
             EGL_DMA_BUF_PLANE3_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE3_MODIFIER_HI_EXT},
        };
        std::vector<EGLint> all = {EGL_WIDTH,
                                   static_cast<EGLint>(description.width),
                                   EGL_HEIGHT,
                                   static_cast<EGLint>(description.height),
                                   EGL_LINUX_DRM_FOURCC_EXT,
                                   static_cast<EGLint>(description.fourcc)};
        const uint64_t modifier = description.modifier;
        for (size_t i = 0; i < std::min(description.planes.size(), std::size(kPlanes)); ++i) {
            const auto& plane = description.planes[i];
            const auto& names = kPlanes[i];
            all.insert(all.end(), {names[0], plane.fd, names[1], static_cast<EGLint>(plane.offset),
                                   names[2], static_cast<EGLint>(plane.stride)});
            if (modifier != DRM_FORMAT_MOD_INVALID)
                all.insert(all.end(), {names[3], static_cast<EGLint>(modifier & UINT32_MAX),
                                       names[4], static_cast<EGLint>(modifier >> 32)});
        }
        all.push_back(EGL_NONE);
        return all;
    }

    const EglDisplay& display_;
    const EglLibrary& gl_;
    EGLImageKHR image_ = EGL_NO_IMAGE_KHR;
    GLuint colours_ = 0;
    GLuint framebuffer_ = 0;
};

/// A buffer of GBM's.
class Target : public CopyTarget {
  public:
    Target(const EglLibrary& library, gbm_bo* bo) : library_(library), bo_(bo) {}
    ~Target() override {
        surface_.reset();
        library_.gbm_bo_destroy(bo_);
    }
    FrameDescription description() const override { return description_; }
    const Surface& surface() const { return *surface_; }

    Status start(const EglDisplay& display, const CopyKind& kind, uint64_t modifier) {
        description_.width = kind.width;
        description_.height = kind.height;
        description_.fourcc = kind.fourcc;
        description_.modifier = modifier;
        for (int i = 0; i < library_.gbm_bo_get_plane_count(bo_); ++i) {
            planes_.emplace_back(library_.gbm_bo_get_fd_for_plane(bo_, i));
            if (!planes_.back()) return fail(EMFILE, "a buffer of GBM's cannot be exported");
            description_.planes.push_back({planes_.back().get(), library_.gbm_bo_get_offset(bo_, i),
                                           library_.gbm_bo_get_stride_for_plane(bo_, i)});
        }
        surface_ = std::make_unique<Surface>(display, description_);
        return surface_->check();
    }

  private:
    const EglLibrary& library_;
    gbm_bo* const bo_;
    std::vector<UniqueFd> planes_;
    FrameDescription description_;
    std::unique_ptr<Surface> surface_;
};

class EglCopier : public Copier {
  public:
    explicit EglCopier(std::unique_ptr<EglDisplay> display)
        : display_(std::move(display)), gl_(display_->library()) {}

    Result<std::unique_ptr<CopyTarget>> make_target(const CopyKind& kind) override;
    Result<UniqueFd> copy(const Frame& frame, int fence, CopyTarget& target) override;

  private:
    Status wait_for(int fence) const;
    Result<UniqueFd> fence_here() const;
    Status check_context() const;

    std::unique_ptr<EglDisplay> display_;
    const EglLibrary& gl_;
};

/// A buffer of the kind, and its modifier.
std::pair<gbm_bo*, uint64_t> allocate(const EglDisplay& display, const CopyKind& kind) {
    const EglLibrary& library = display.library();
    const auto takes = [&](uint64_t modifier) {
        return std::ranges::find(kind.modifiers, modifier) != kind.modifiers.end();
    };
    std::vector<uint64_t> known = kind.modifiers;
    std::erase(known, DRM_FORMAT_MOD_INVALID);
    if (!known.empty() && display.has_modifiers())
        if (gbm_bo* bo = library.gbm_bo_create_with_modifiers2(
                display.gbm(), kind.width, kind.height, kind.fourcc, known.data(),
                static_cast<unsigned>(known.size()), GBM_BO_USE_RENDERING))
            return {bo, library.gbm_bo_get_modifier(bo)};
    const auto plain = [&](uint32_t flags) {
        return library.gbm_bo_create(display.gbm(), kind.width, kind.height, kind.fourcc,
                                     GBM_BO_USE_RENDERING | flags);
    };
    if (takes(DRM_FORMAT_MOD_INVALID)) return {plain(0), DRM_FORMAT_MOD_INVALID};
    if (takes(DRM_FORMAT_MOD_LINEAR)) return {plain(GBM_BO_USE_LINEAR), DRM_FORMAT_MOD_LINEAR};
    return {nullptr, 0};
}

Result<std::unique_ptr<CopyTarget>> EglCopier::make_target(const CopyKind& kind) {
    const auto [bo, modifier] = allocate(*display_, kind);
    if (!bo)
        return fail(ENOTSUP, "GBM has no buffer of {}x{} in {} with a modifier of the compositor's",
                    kind.width, kind.height, fourcc_name(kind.fourcc));
    auto target = std::make_unique<Target>(gl_, bo);
    if (const auto status = target->start(*display_, kind, modifier); !status)
        return fail(status.error().code, "a buffer of GBM's: {}", status.error().message);
    return target;
}

Result<UniqueFd> EglCopier::copy(const Frame& frame, int fence, CopyTarget& target) {
    const FrameLayout& layout = frame.layout();
    if (layout.modifier != DRM_FORMAT_MOD_INVALID && !display_->has_modifiers())
        return fail(ENOTSUP, "EGL lacks EGL_EXT_image_dma_buf_import_modifiers");
    FrameDescription description;
    description.width = layout.width;
    description.height = layout.height;
    description.fourcc = layout.fourcc;
    description.modifier = layout.modifier;
    for (size_t i = 0; i < layout.planes.size(); ++i)
        description.planes.push_back(
            {frame.buffer(i)->get(), layout.planes[i].offset, layout.planes[i].stride});
    const Surface source(*display_, description);
    if (const auto status = source.check(); !status) return tl::unexpected(status.error());
    if (const auto status = wait_for(fence); !status) return tl::unexpected(status.error());

    gl_.glBindFramebuffer(GL_READ_FRAMEBUFFER, source.framebuffer());
    gl_.glBindFramebuffer(GL_DRAW_FRAMEBUFFER,
                          static_cast<Target&>(target).surface().framebuffer());
    const auto width = static_cast<GLint>(layout.width);
    const auto height = static_cast<GLint>(layout.height);
    gl_.glBlitFramebuffer(0, 0, width, height, 0, 0, width, height, GL_COLOR_BUFFER_BIT,
                          GL_NEAREST);
    if (const GLenum error = gl_.glGetError(); error != GL_NO_ERROR)
        return fail(EINVAL, "GLES cannot copy it: GL error {:#x}", error);
    auto done = fence_here();
    if (const auto status = check_context(); !status) return tl::unexpected(status.error());
    return done;
}

// The GPU waits, not this thread.
Status EglCopier::wait_for(int fence) const {
    if (fence < 0) return {};
    UniqueFd own = UniqueFd::duplicate_of(fence);
    if (!own) return fail(EMFILE, "no descriptor left for a fence");
    const EGLint attributes[] = {EGL_SYNC_NATIVE_FENCE_FD_ANDROID, own.get(), EGL_NONE};
    const EGLSyncKHR sync =
        gl_.eglCreateSyncKHR(display_->handle(), EGL_SYNC_NATIVE_FENCE_ANDROID, attributes);
    if (!sync) return fail(EINVAL, "EGL refuses its fence: {}", display_->last_error());
    std::ignore = own.release();  // EGL's from now on
    const bool waits = gl_.eglWaitSyncKHR(display_->handle(), sync, 0);
    gl_.eglDestroySyncKHR(display_->handle(), sync);
    if (!waits) return fail(EINVAL, "EGL does not wait for its fence");
    return {};
}

Result<UniqueFd> EglCopier::fence_here() const {
    const EGLSyncKHR sync =
        gl_.eglCreateSyncKHR(display_->handle(), EGL_SYNC_NATIVE_FENCE_ANDROID, nullptr);
    gl_.glFlush();
    UniqueFd fence(sync ? gl_.eglDupNativeFenceFDANDROID(display_->handle(), sync) : -1);
    if (sync) gl_.eglDestroySyncKHR(display_->handle(), sync);
    if (!fence) return fail(EIO, "EGL has no fence for a copy: {}", display_->last_error());
    return fence;
}

Status EglCopier::check_context() const {
    if (gl_.glGetGraphicsResetStatusEXT() == GL_NO_ERROR) return {};
    return fail(ENODEV, "the GPU was reset");
}

}  // namespace

Result<std::unique_ptr<Copier>> open_egl_copier(dev_t device) {
    const auto library = EglLibrary::get();
    if (!library) return tl::unexpected(library.error());
    auto node = open_render_node(device);
    if (!node) return tl::unexpected(node.error());
    auto display = EglDisplay::open(**library, *std::move(node));
    if (!display) return tl::unexpected(display.error());
    return std::make_unique<EglCopier>(*std::move(display));
}

OpenCopier chosen_copier(bool by_default) {
    const char* set = std::getenv("VIADUCT_GPU_COPIES");
    const std::string_view value = set ? set : "";
    if (value == "on") return open_egl_copier;
    if (value == "off") return {};
    if (!value.empty())
        log(LogLevel::kWarning, "VIADUCT_GPU_COPIES={} is neither on nor off; it counts as unset",
            printable(value));
    return by_default ? OpenCopier(open_egl_copier) : OpenCopier();
}

}  // namespace viaduct::gpu_copy
