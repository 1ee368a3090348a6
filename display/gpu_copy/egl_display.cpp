#include "display/gpu_copy/egl_display.h"

#include "base/extension_list.h"

namespace viaduct::gpu_copy {

namespace {

std::string_view text(const void* maybe) {
    return maybe ? static_cast<const char*>(maybe) : std::string_view();
}

}  // namespace

Result<std::unique_ptr<EglDisplay>> EglDisplay::open(const EglLibrary& library, UniqueFd node) {
    std::unique_ptr<EglDisplay> display(new EglDisplay(library, std::move(node)));
    if (const auto status = display->start(); !status) return tl::unexpected(status.error());
    return display;
}

EglDisplay::~EglDisplay() {
    if (context_) {
        library_.eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
        library_.eglDestroyContext(display_, context_);
    }
    if (display_) library_.eglTerminate(display_);
    library_.eglReleaseThread();
    if (gbm_) library_.gbm_device_destroy(gbm_);
}

Status EglDisplay::start() {
    const std::string_view client = text(library_.eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS));
    if (!has_extension(client, "EGL_KHR_platform_gbm") &&
        !has_extension(client, "EGL_MESA_platform_gbm"))
        return fail(ENOTSUP, "EGL lacks EGL_KHR_platform_gbm");
    gbm_ = library_.gbm_create_device(node_.get());
    if (!gbm_) return fail(ENODEV, "GBM has no driver for the GPU");
    display_ = library_.eglGetPlatformDisplay(EGL_PLATFORM_GBM_KHR, gbm_, nullptr);
    if (!display_ || !library_.eglInitialize(display_, nullptr, nullptr)) {
        display_ = EGL_NO_DISPLAY;
        return fail(ENODEV, "EGL does not start on the GPU: {}", last_error());
    }
    if (const auto status = check_extensions(); !status) return status;
    return make_context();
}

Status EglDisplay::check_extensions() {
    const std::string_view list = text(library_.eglQueryString(display_, EGL_EXTENSIONS));
    for (const char* needed :
         {"EGL_EXT_image_dma_buf_import", "EGL_KHR_surfaceless_context",
          "EGL_KHR_no_config_context", "EGL_KHR_wait_sync", "EGL_ANDROID_native_fence_sync",
          "EGL_EXT_create_context_robustness"})
        if (!has_extension(list, needed)) return fail(ENOTSUP, "EGL lacks {}", needed);
    has_modifiers_ = has_extension(list, "EGL_EXT_image_dma_buf_import_modifiers");
    return {};
}

// A context that a reset has hit is lost for good, and draws nothing: it has to say so.
Status EglDisplay::make_context() {
    const EGLint attributes[] = {
        EGL_CONTEXT_MAJOR_VERSION,     3,        EGL_CONTEXT_OPENGL_RESET_NOTIFICATION_STRATEGY_EXT,
        EGL_LOSE_CONTEXT_ON_RESET_EXT, EGL_NONE,
    };
    library_.eglBindAPI(EGL_OPENGL_ES_API);
    context_ = library_.eglCreateContext(display_, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes);
    if (!context_ || !library_.eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, context_))
        return fail(ENOTSUP, "EGL has no context of GLES 3: {}", last_error());
    const std::string_view extensions = text(library_.glGetString(GL_EXTENSIONS));
    for (const char* needed : {"GL_OES_EGL_image", "GL_EXT_robustness"})
        if (!has_extension(extensions, needed)) return fail(ENOTSUP, "GLES lacks {}", needed);
    const std::string_view renderer = text(library_.glGetString(GL_RENDERER));
    for (const char* software : {"llvmpipe", "softpipe", "swrast"})
        if (renderer.find(software) != renderer.npos)
            return fail(ENOTSUP, "GLES draws in software ({})", renderer);
    return {};
}

std::string EglDisplay::last_error() const {
    return fmt::format("EGL error {:#x}", library_.eglGetError());
}

}  // namespace viaduct::gpu_copy
