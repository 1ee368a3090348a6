// EglDisplay: EGL on a render node, with a context that is current on the thread.
#pragma once

#include <memory>

#include "base/unique_fd.h"
#include "display/gpu_copy/egl_library.h"

namespace viaduct::gpu_copy {

/// Made, used and destroyed on one thread, on which its context is current.
class EglDisplay {
  public:
    /// ENOTSUP: an extension is missing, or it would draw in software. ENODEV: the node has no
    /// driver.
    static Result<std::unique_ptr<EglDisplay>> open(const EglLibrary& library, UniqueFd node);
    ~EglDisplay();
    EglDisplay(const EglDisplay&) = delete;
    EglDisplay& operator=(const EglDisplay&) = delete;

    const EglLibrary& library() const { return library_; }
    gbm_device* gbm() const { return gbm_; }
    EGLDisplay handle() const { return display_; }
    /// True if buffers can be imported with a modifier.
    bool has_modifiers() const { return has_modifiers_; }
    /// "0x3009": of the last EGL call that failed.
    std::string last_error() const;

  private:
    EglDisplay(const EglLibrary& library, UniqueFd node)
        : library_(library), node_(std::move(node)) {}
    Status start();
    Status check_extensions();
    Status make_context();

    const EglLibrary& library_;
    const UniqueFd node_;
    gbm_device* gbm_ = nullptr;
    EGLDisplay display_ = EGL_NO_DISPLAY;
    EGLContext context_ = EGL_NO_CONTEXT;
    bool has_modifiers_ = false;
};

}  // namespace viaduct::gpu_copy
