#include "renderer/display_gpu.h"

#include <dlfcn.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/extension_list.h"
#include "drm-context/device/render_nodes.h"

namespace viaduct {

namespace {

// <EGL/egl.h> and <EGL/eglext.h>, written out: building needs no EGL then.
constexpr int32_t kExtensions = 0x3055;      // EGL_EXTENSIONS
constexpr int32_t kDevice = 0x322C;          // EGL_DEVICE_EXT (EGL_EXT_device_query)
constexpr int32_t kDrmDeviceFile = 0x3233;   // EGL_DRM_DEVICE_FILE_EXT (EGL_EXT_device_drm)
constexpr int32_t kRenderNodeFile = 0x3377;  // EGL_DRM_RENDER_NODE_FILE_EXT
constexpr uint32_t kTrue = 1;                // EGL_TRUE

using GetProcAddress = void (*(*)(const char* name))();
using QueryDisplayAttrib = uint32_t (*)(void* display, int32_t attribute, intptr_t* value);
using QueryDeviceString = const char* (*)(void* device, int32_t name);

struct Unload {
    void operator()(void* library) const { ::dlclose(library); }
};

std::string text(const char* maybe) {
    return maybe ? maybe : "";
}

}  // namespace

Result<std::string> display_render_node(void* egl_display) {
    if (!egl_display) return fail(ENODEV, "the VMM has no EGL display");
    // Not loaded here: a VMM that has no EGL must not get one from us.
    const std::unique_ptr<void, Unload> egl(::dlopen("libEGL.so.1", RTLD_LAZY | RTLD_NOLOAD));
    if (!egl) return fail(ENODEV, "the VMM has not loaded libEGL.so.1");
    const auto get = reinterpret_cast<GetProcAddress>(::dlsym(egl.get(), "eglGetProcAddress"));
    if (!get) return fail(ENODEV, "libEGL.so.1 has no eglGetProcAddress");
    const auto query_display =
        reinterpret_cast<QueryDisplayAttrib>(get("eglQueryDisplayAttribEXT"));
    const auto query_device = reinterpret_cast<QueryDeviceString>(get("eglQueryDeviceStringEXT"));
    if (!query_display || !query_device)
        return fail(ENODEV, "EGL lacks EGL_EXT_device_query: the display's GPU is unknown");

    intptr_t device = 0;
    if (query_display(egl_display, kDevice, &device) != kTrue || device == 0)
        return fail(ENODEV, "EGL does not report the display's device");
    auto* const handle = reinterpret_cast<void*>(device);
    // A query without its extension would leave an EGL error set in the VMM's thread.
    const std::string extensions = text(query_device(handle, kExtensions));
    if (has_extension(extensions, "EGL_EXT_device_drm_render_node"))
        if (auto node = text(query_device(handle, kRenderNodeFile)); !node.empty()) return node;
    if (has_extension(extensions, "EGL_EXT_device_drm"))
        if (const auto primary = text(query_device(handle, kDrmDeviceFile)); !primary.empty())
            if (auto node = render_node_of(primary); !node.empty()) return node;
    return fail(ENODEV, "the display's EGL device has no render node: it draws in software");
}

}  // namespace viaduct
