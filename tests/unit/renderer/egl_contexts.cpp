#include "egl_contexts.h"

#include <dlfcn.h>

#include <array>
#include <cstdio>

namespace viaduct::test {

namespace {

// EGL 1.5, the few parts needed; the header is not a dependency of the project (khronos.org,
// egl.xml).
using EglHandle = void*;
constexpr int kPlatformSurfaceless = 0x31dd;
constexpr int kSurfaceType = 0x3033, kRenderableType = 0x3040, kPbufferBit = 1, kOpenglBit = 8;
constexpr int kNone = 0x3038, kOpenglApi = 0x30a2;
constexpr int kMajor = 0x3098, kMinor = 0x30fb;

class Egl {
  public:
    static Egl& get() {
        static Egl egl;
        return egl;
    }

    EglHandle display() const { return display_; }
    EglHandle create(EglHandle share, int major, int minor) {
        if (!display_) return nullptr;
        const std::array attributes{kMajor, major, kMinor, minor, kNone};
        return function<EglHandle(EglHandle, EglHandle, EglHandle, const int*)>("eglCreateContext")(
            display_, config_, share, attributes.data());
    }
    void destroy(EglHandle context) {
        function<unsigned(EglHandle, EglHandle)>("eglDestroyContext")(display_, context);
    }
    bool make_current(EglHandle context) {
        return function<unsigned(EglHandle, EglHandle, EglHandle, EglHandle)>("eglMakeCurrent")(
            display_, nullptr, nullptr, context);
    }
    EglHandle current() { return function<EglHandle()>("eglGetCurrentContext")(); }

  private:
    Egl() : library_(::dlopen("libEGL.so.1", RTLD_NOW | RTLD_GLOBAL)) {
        if (!library_) return;
        display_ = function<EglHandle(int, void*, const long*)>("eglGetPlatformDisplay")(
            kPlatformSurfaceless, nullptr, nullptr);
        int major = 0, minor = 0, count = 0;
        const std::array wish{kSurfaceType, kPbufferBit, kRenderableType, kOpenglBit, kNone};
        if (!display_ ||
            !function<unsigned(EglHandle, int*, int*)>("eglInitialize")(display_, &major, &minor) ||
            !function<unsigned(int)>("eglBindAPI")(kOpenglApi) ||
            !function<unsigned(EglHandle, const int*, EglHandle*, int, int*)>("eglChooseConfig")(
                display_, wish.data(), &config_, 1, &count) ||
            count == 0)
            display_ = nullptr;
    }

    template <typename Signature>
    Signature* function(const char* name) {
        return reinterpret_cast<Signature*>(::dlsym(library_, name));
    }

    void* library_ = nullptr;
    EglHandle display_ = nullptr;
    EglHandle config_ = nullptr;
};

void* create(void*, int, virgl_renderer_gl_ctx_param* param) {
    auto& egl = Egl::get();
    return egl.create(param->shared ? egl.current() : nullptr, param->major_ver, param->minor_ver);
}
void destroy(void*, void* context) {
    Egl::get().destroy(context);
}
int make_current(void*, int, void* context) {
    if (Egl::get().make_current(context)) return 0;
    std::fprintf(stderr, "cannot make %p current\n", context);
    return -1;
}
void* display(void*) {
    return Egl::get().display();
}

}  // namespace

void add_egl_callbacks(virgl_renderer_callbacks& table) {
    table.create_gl_context = create;
    table.destroy_gl_context = destroy;
    table.make_current = make_current;
    if (table.version >= 4) table.get_egl_display = display;
}

}  // namespace viaduct::test
