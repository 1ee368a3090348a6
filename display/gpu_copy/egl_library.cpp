#include "display/gpu_copy/egl_library.h"

#include <dlfcn.h>

namespace viaduct::gpu_copy {

namespace {

/// Looks functions up; remembers the first that is missing.
class Finder {
  public:
    template <typename Function>
    void dynamic(void* library, const char* name, Function& function) {
        take(name, ::dlsym(library, name), function);
    }
    template <typename Function>
    void by_egl(const EglLibrary& egl, const char* name, Function& function) {
        take(name, reinterpret_cast<void*>(egl.eglGetProcAddress(name)), function);
    }
    const char* missing() const { return missing_; }

  private:
    template <typename Function>
    void take(const char* name, void* address, Function& function) {
        function = reinterpret_cast<Function>(address);
        if (!function && !missing_) missing_ = name;
    }
    const char* missing_ = nullptr;
};

Result<void*> open_library(const char* name) {
    if (void* library = ::dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
    return fail(ENOTSUP, "{} cannot be loaded: {}", name, ::dlerror());
}

#define VIADUCT_FIND_DYNAMIC(name) finder.dynamic(library, #name, functions.name)
#define VIADUCT_FIND_BY_EGL(name) finder.by_egl(functions, #name, functions.name)

void find_gbm(Finder& finder, void* library, EglLibrary& functions) {
    VIADUCT_FIND_DYNAMIC(gbm_create_device);
    VIADUCT_FIND_DYNAMIC(gbm_device_destroy);
    VIADUCT_FIND_DYNAMIC(gbm_bo_create);
    VIADUCT_FIND_DYNAMIC(gbm_bo_create_with_modifiers2);
    VIADUCT_FIND_DYNAMIC(gbm_bo_destroy);
    VIADUCT_FIND_DYNAMIC(gbm_bo_get_fd_for_plane);
    VIADUCT_FIND_DYNAMIC(gbm_bo_get_modifier);
    VIADUCT_FIND_DYNAMIC(gbm_bo_get_offset);
    VIADUCT_FIND_DYNAMIC(gbm_bo_get_plane_count);
    VIADUCT_FIND_DYNAMIC(gbm_bo_get_stride_for_plane);
}

void find_egl(Finder& finder, void* library, EglLibrary& functions) {
    VIADUCT_FIND_DYNAMIC(eglGetProcAddress);
    VIADUCT_FIND_DYNAMIC(eglBindAPI);
    VIADUCT_FIND_DYNAMIC(eglCreateContext);
    VIADUCT_FIND_DYNAMIC(eglDestroyContext);
    VIADUCT_FIND_DYNAMIC(eglGetError);
    VIADUCT_FIND_DYNAMIC(eglGetPlatformDisplay);
    VIADUCT_FIND_DYNAMIC(eglInitialize);
    VIADUCT_FIND_DYNAMIC(eglMakeCurrent);
    VIADUCT_FIND_DYNAMIC(eglQueryString);
    VIADUCT_FIND_DYNAMIC(eglReleaseThread);
    VIADUCT_FIND_DYNAMIC(eglTerminate);
}

// libGLESv2 need not be installed: EGL 1.5 has the addresses of all functions.
void find_gles(Finder& finder, EglLibrary& functions) {
    VIADUCT_FIND_BY_EGL(glBindFramebuffer);
    VIADUCT_FIND_BY_EGL(glBindRenderbuffer);
    VIADUCT_FIND_BY_EGL(glBlitFramebuffer);
    VIADUCT_FIND_BY_EGL(glCheckFramebufferStatus);
    VIADUCT_FIND_BY_EGL(glDeleteFramebuffers);
    VIADUCT_FIND_BY_EGL(glDeleteRenderbuffers);
    VIADUCT_FIND_BY_EGL(glFlush);
    VIADUCT_FIND_BY_EGL(glFramebufferRenderbuffer);
    VIADUCT_FIND_BY_EGL(glGenFramebuffers);
    VIADUCT_FIND_BY_EGL(glGenRenderbuffers);
    VIADUCT_FIND_BY_EGL(glGetError);
    VIADUCT_FIND_BY_EGL(glGetString);
    VIADUCT_FIND_BY_EGL(eglCreateImageKHR);
    VIADUCT_FIND_BY_EGL(eglDestroyImageKHR);
    VIADUCT_FIND_BY_EGL(eglCreateSyncKHR);
    VIADUCT_FIND_BY_EGL(eglDestroySyncKHR);
    VIADUCT_FIND_BY_EGL(eglWaitSyncKHR);
    VIADUCT_FIND_BY_EGL(eglDupNativeFenceFDANDROID);
    VIADUCT_FIND_BY_EGL(glEGLImageTargetRenderbufferStorageOES);
    VIADUCT_FIND_BY_EGL(glGetGraphicsResetStatusEXT);
}

Result<EglLibrary> load() {
    const auto gbm = open_library("libgbm.so.1");
    if (!gbm) return tl::unexpected(gbm.error());
    const auto egl = open_library("libEGL.so.1");
    if (!egl) return tl::unexpected(egl.error());
    EglLibrary functions;
    Finder finder;
    find_gbm(finder, *gbm, functions);
    find_egl(finder, *egl, functions);
    if (!finder.missing()) find_gles(finder, functions);
    if (finder.missing()) return fail(ENOTSUP, "{} is missing in EGL or GBM", finder.missing());
    return functions;
}

}  // namespace

Result<const EglLibrary*> EglLibrary::get() {
    static const auto functions = load();
    if (!functions) return tl::unexpected(functions.error());
    return &*functions;
}

}  // namespace viaduct::gpu_copy
