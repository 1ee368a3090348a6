// The GL half of a VMM: makes contexts for the library when it asks, as QEMU does.
#pragma once

#include "renderer/abi/virglrenderer.h"

namespace viaduct::test {

/// Fills in the GL callbacks, from version 4 on with the display. Without surfaceless EGL every
/// context is null.
void add_egl_callbacks(virgl_renderer_callbacks& table);

}  // namespace viaduct::test
