// The GPU behind an EGLDisplay.
#pragma once

#include <string>

#include "base/result.h"

namespace viaduct {

/// The render node that a VMM's EGLDisplay draws with, as in "/dev/dri/renderD128". ENODEV: it has
/// none (a software renderer), or that is not to be found out; the message is for people.
///
/// EGL is taken as the VMM loaded it, through libEGL.so.1; nothing is loaded here. Needs no
/// current context (EGL_EXT_device_query), and leaves the calling thread's EGL state as it was but
/// for eglGetError's.
Result<std::string> display_render_node(void* egl_display);

}  // namespace viaduct
