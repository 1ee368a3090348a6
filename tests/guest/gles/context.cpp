#include "tests/guest/gles/context.h"

#include <EGL/eglext.h>
#include <GLES2/gl2ext.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace viaduct::gles {
namespace {

[[noreturn]] void fail_egl(const char* what) {
    char code[16];
    std::snprintf(code, sizeof(code), "0x%x", static_cast<unsigned>(eglGetError()));
    throw Error(std::string(what) + " failed: EGL error " + code);
}

std::string gl_string(GLenum name) {
    const GLubyte* text = glGetString(name);
    return text == nullptr ? "" : reinterpret_cast<const char*>(text);
}

std::string link_log(GLuint program) {
    char log[4096] = "";
    glGetProgramInfoLog(program, sizeof(log), nullptr, log);
    return log;
}

}  // namespace

void check_gl(const char* what) {
    const GLenum error = glGetError();
    if (error == GL_NO_ERROR) return;
    char code[16];
    std::snprintf(code, sizeof(code), "0x%x", error);
    throw Error(std::string(what) + " failed: GL error " + code);
}

Context::Context(Resets resets) {
    open(eglGetPlatformDisplay(EGL_PLATFORM_SURFACELESS_MESA, nullptr, nullptr), resets);
    const char* wanted = std::getenv("VIADUCT_GUEST_DEVICE");
    if (wanted == nullptr || renderer().find(wanted) != std::string::npos) return;
    const std::string first = renderer();
    close();
    if (!open_device_called(wanted, resets))
        throw Error("GL_RENDERER is \"" + first + "\", and no device's is a \"" + wanted + "\"");
}

Context::~Context() {
    close();
}

void Context::open(EGLDisplay display, Resets resets) {
    display_ = display;
    if (display_ == EGL_NO_DISPLAY) fail_egl("eglGetPlatformDisplay");
    if (eglInitialize(display_, nullptr, nullptr) == EGL_FALSE) fail_egl("eglInitialize");
    if (eglBindAPI(EGL_OPENGL_ES_API) == EGL_FALSE) fail_egl("eglBindAPI");
    std::vector<EGLint> attributes = {EGL_CONTEXT_MAJOR_VERSION, 3, EGL_CONTEXT_MINOR_VERSION, 1};
    if (resets == Resets::kNoted)
        attributes.insert(attributes.end(), {EGL_CONTEXT_OPENGL_RESET_NOTIFICATION_STRATEGY_EXT,
                                             EGL_LOSE_CONTEXT_ON_RESET_EXT});
    attributes.push_back(EGL_NONE);
    context_ = eglCreateContext(display_, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, attributes.data());
    if (context_ == EGL_NO_CONTEXT) fail_egl("eglCreateContext");
    if (eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, context_) == EGL_FALSE)
        fail_egl("eglMakeCurrent");
}

/// A guest with several GPUs has an EGL device for each.
bool Context::open_device_called(const char* wanted, Resets resets) {
    const auto query_devices =
        reinterpret_cast<PFNEGLQUERYDEVICESEXTPROC>(eglGetProcAddress("eglQueryDevicesEXT"));
    std::vector<EGLDeviceEXT> devices(16);
    EGLint count = 0;
    if (query_devices == nullptr ||
        query_devices(static_cast<EGLint>(devices.size()), devices.data(), &count) == EGL_FALSE)
        return false;
    devices.resize(static_cast<size_t>(count));
    for (EGLDeviceEXT device : devices) {
        try {
            open(eglGetPlatformDisplay(EGL_PLATFORM_DEVICE_EXT, device, nullptr), resets);
            if (renderer().find(wanted) != std::string::npos) return true;
        } catch (const Error&) {
            // The wanted one may be another.
        }
        close();
    }
    return false;
}

void Context::close() {
    if (display_ == EGL_NO_DISPLAY) return;
    eglMakeCurrent(display_, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
    if (context_ != EGL_NO_CONTEXT) eglDestroyContext(display_, context_);
    eglTerminate(display_);
    display_ = EGL_NO_DISPLAY;
    context_ = EGL_NO_CONTEXT;
}

std::string Context::renderer() const {
    return gl_string(GL_RENDERER);
}
std::string Context::version() const {
    return gl_string(GL_VERSION);
}

bool Context::lost() const {
    const auto get_reset_status = reinterpret_cast<PFNGLGETGRAPHICSRESETSTATUSEXTPROC>(
        eglGetProcAddress("glGetGraphicsResetStatusEXT"));
    if (get_reset_status == nullptr) throw Error("there is no glGetGraphicsResetStatusEXT");
    return get_reset_status() != GL_NO_ERROR;
}

Buffer::Buffer(GLsizeiptr bytes, GLenum usage) {
    glGenBuffers(1, &name_);
    glBindBuffer(GL_SHADER_STORAGE_BUFFER, name_);
    glBufferData(GL_SHADER_STORAGE_BUFFER, bytes, nullptr, usage);
    check_gl("glBufferData");
}

Buffer::~Buffer() {
    glDeleteBuffers(1, &name_);
}

void Buffer::write(const void* data, GLsizeiptr bytes) const {
    glBindBuffer(GL_SHADER_STORAGE_BUFFER, name_);
    glBufferSubData(GL_SHADER_STORAGE_BUFFER, 0, bytes, data);
    check_gl("glBufferSubData");
}

void Buffer::read(void* data, GLsizeiptr bytes) const {
    glBindBuffer(GL_SHADER_STORAGE_BUFFER, name_);
    const void* mapped = glMapBufferRange(GL_SHADER_STORAGE_BUFFER, 0, bytes, GL_MAP_READ_BIT);
    check_gl("glMapBufferRange");
    std::memcpy(data, mapped, static_cast<size_t>(bytes));
    glUnmapBuffer(GL_SHADER_STORAGE_BUFFER);
}

Program::Program(const char* source)
    : name_(glCreateShaderProgramv(GL_COMPUTE_SHADER, 1, &source)) {
    GLint linked = GL_FALSE;
    glGetProgramiv(name_, GL_LINK_STATUS, &linked);
    if (linked == GL_FALSE) throw Error("the shader does not link: " + link_log(name_));
}

Program::~Program() {
    glDeleteProgram(name_);
}

void Program::use(std::initializer_list<const Buffer*> buffers) const {
    glUseProgram(name_);
    GLuint binding = 0;
    for (const Buffer* buffer : buffers)
        glBindBufferBase(GL_SHADER_STORAGE_BUFFER, binding++, buffer->get());
    check_gl("glBindBufferBase");
}

void finish() {
    constexpr GLuint64 kTwoMinutesNs = 120'000'000'000;
    glMemoryBarrier(GL_ALL_BARRIER_BITS);
    const GLsync fence = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
    const GLenum result = glClientWaitSync(fence, GL_SYNC_FLUSH_COMMANDS_BIT, kTwoMinutesNs);
    glDeleteSync(fence);
    check_gl("glClientWaitSync");
    if (result == GL_TIMEOUT_EXPIRED) throw Error("the GPU is stuck: glClientWaitSync timed out");
}

}  // namespace viaduct::gles
