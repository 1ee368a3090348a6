#include "stub_egl.h"

#include <cstdint>
#include <cstring>

using viaduct::test::StubEgl;

extern "C" {

__attribute__((visibility("default"))) StubEgl* viaduct_stub_egl() {
    static StubEgl state;
    return &state;
}

static uint32_t query_display(void* display, int32_t attribute, intptr_t* value) {
    StubEgl& egl = *viaduct_stub_egl();
    if (display != egl.display || attribute != 0x322C || !egl.has_device) return 0;
    *value = reinterpret_cast<intptr_t>(&egl);
    return 1;
}

static const char* query_device(void* device, int32_t name) {
    auto& egl = *static_cast<StubEgl*>(device);
    const auto covered = [&](const char* extension) {
        const bool has = (" " + egl.extensions + " ").find(std::string(" ") + extension + " ") !=
                         std::string::npos;
        if (!has) ++egl.errors;
        return has;
    };
    switch (name) {
        case 0x3055:
            return egl.extensions.c_str();
        case 0x3233:
            return covered("EGL_EXT_device_drm") && !egl.primary_node.empty()
                       ? egl.primary_node.c_str()
                       : nullptr;
        case 0x3377:
            return covered("EGL_EXT_device_drm_render_node") && !egl.render_node.empty()
                       ? egl.render_node.c_str()
                       : nullptr;
        default:
            return nullptr;
    }
}

__attribute__((visibility("default"))) void* eglGetProcAddress(const char* name) {
    if (!viaduct_stub_egl()->has_device_query) return nullptr;
    if (std::strcmp(name, "eglQueryDisplayAttribEXT") == 0)
        return reinterpret_cast<void*>(query_display);
    if (std::strcmp(name, "eglQueryDeviceStringEXT") == 0)
        return reinterpret_cast<void*>(query_device);
    return nullptr;
}
}
