// EglLibrary: EGL, GLES and GBM, loaded when they are needed: nothing is linked with them.
#pragma once

// Types and prototypes only.
#define EGL_EGLEXT_PROTOTYPES
#define EGL_NO_X11
#define GL_GLEXT_PROTOTYPES
#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl3.h>
//
#include <GLES2/gl2ext.h>
#include <gbm.h>

#include "base/result.h"

namespace viaduct::gpu_copy {

/// Functions that a copier calls. Those below `extensions` are there if the extension is.
struct EglLibrary {
    /// The one of this process, loaded with the first call and never unloaded: drivers have threads
    /// of their own. ENOTSUP: a library is missing, or too old. Thread-safe.
    static Result<const EglLibrary*> get();

#define VIADUCT_FUNCTION(name) decltype(&::name) name = nullptr
    VIADUCT_FUNCTION(gbm_create_device);
    VIADUCT_FUNCTION(gbm_device_destroy);
    VIADUCT_FUNCTION(gbm_bo_create);
    VIADUCT_FUNCTION(gbm_bo_create_with_modifiers2);
    VIADUCT_FUNCTION(gbm_bo_destroy);
    VIADUCT_FUNCTION(gbm_bo_get_fd_for_plane);
    VIADUCT_FUNCTION(gbm_bo_get_modifier);
    VIADUCT_FUNCTION(gbm_bo_get_offset);
    VIADUCT_FUNCTION(gbm_bo_get_plane_count);
    VIADUCT_FUNCTION(gbm_bo_get_stride_for_plane);

    VIADUCT_FUNCTION(eglGetProcAddress);
    VIADUCT_FUNCTION(eglBindAPI);
    VIADUCT_FUNCTION(eglCreateContext);
    VIADUCT_FUNCTION(eglDestroyContext);
    VIADUCT_FUNCTION(eglGetError);
    VIADUCT_FUNCTION(eglGetPlatformDisplay);
    VIADUCT_FUNCTION(eglInitialize);
    VIADUCT_FUNCTION(eglMakeCurrent);
    VIADUCT_FUNCTION(eglQueryString);
    VIADUCT_FUNCTION(eglReleaseThread);
    VIADUCT_FUNCTION(eglTerminate);

    VIADUCT_FUNCTION(glBindFramebuffer);
    VIADUCT_FUNCTION(glBindRenderbuffer);
    VIADUCT_FUNCTION(glBlitFramebuffer);
    VIADUCT_FUNCTION(glCheckFramebufferStatus);
    VIADUCT_FUNCTION(glDeleteFramebuffers);
    VIADUCT_FUNCTION(glDeleteRenderbuffers);
    VIADUCT_FUNCTION(glFlush);
    VIADUCT_FUNCTION(glFramebufferRenderbuffer);
    VIADUCT_FUNCTION(glGenFramebuffers);
    VIADUCT_FUNCTION(glGenRenderbuffers);
    VIADUCT_FUNCTION(glGetError);
    VIADUCT_FUNCTION(glGetString);

    // extensions
    VIADUCT_FUNCTION(eglCreateImageKHR);
    VIADUCT_FUNCTION(eglDestroyImageKHR);
    VIADUCT_FUNCTION(eglCreateSyncKHR);
    VIADUCT_FUNCTION(eglDestroySyncKHR);
    VIADUCT_FUNCTION(eglWaitSyncKHR);
    VIADUCT_FUNCTION(eglDupNativeFenceFDANDROID);
    VIADUCT_FUNCTION(glEGLImageTargetRenderbufferStorageOES);
    VIADUCT_FUNCTION(glGetGraphicsResetStatusEXT);
#undef VIADUCT_FUNCTION
};

}  // namespace viaduct::gpu_copy
