// A libEGL.so.1 for tests: what one display's device answers, and how it was asked.
#pragma once

#include <string>

namespace viaduct::test {

struct StubEgl {
    void* display = nullptr;  // the one valid display; others fail
    bool has_device_query = true;
    bool has_device = true;
    std::string extensions = "EGL_EXT_device_drm EGL_EXT_device_drm_render_node";
    std::string render_node;
    std::string primary_node;
    /// Queries of strings that the extensions do not cover, which set an EGL error.
    int errors = 0;
};

}  // namespace viaduct::test

/// Where the stub keeps its state; it lives as long as the library is loaded.
extern "C" viaduct::test::StubEgl* viaduct_stub_egl();
