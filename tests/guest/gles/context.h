// A GLES 3.1 context without any window or surface.
#pragma once

#include <EGL/egl.h>
#include <GLES3/gl31.h>

#include <initializer_list>
#include <stdexcept>
#include <string>

namespace viaduct::gles {

/// An EGL or GL call failed.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// Throws if GL has noted an error; `what` names what was done.
void check_gl(const char* what);

/// Whether a context notes the GPU's resets; not every driver can.
enum class Resets { kNoted, kIgnored };

/// A device with a context that is current on this thread.
class Context {
  public:
    /// On the surfaceless platform's first device. With VIADUCT_GUEST_DEVICE set: on that or the
    /// first EGL device whose GL_RENDERER contains it; an Error if there is none.
    explicit Context(Resets resets = Resets::kNoted);
    Context(const Context&) = delete;
    Context& operator=(const Context&) = delete;
    ~Context();

    std::string renderer() const;
    std::string version() const;
    /// True once the GPU was reset under this context (Resets::kNoted).
    bool lost() const;

  private:
    void open(EGLDisplay display, Resets resets);
    bool open_device_called(const char* wanted, Resets resets);
    void close();

    EGLDisplay display_ = EGL_NO_DISPLAY;
    EGLContext context_ = EGL_NO_CONTEXT;
};

/// A buffer object.
class Buffer {
  public:
    /// `usage`: a hint, as glBufferData() has it.
    explicit Buffer(GLsizeiptr bytes, GLenum usage = GL_DYNAMIC_COPY);
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer();

    GLuint get() const { return name_; }
    void write(const void* data, GLsizeiptr bytes) const;
    void read(void* data, GLsizeiptr bytes) const;

  private:
    GLuint name_ = 0;
};

/// A compute program from its source.
class Program {
  public:
    explicit Program(const char* source);
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();

    GLuint get() const { return name_; }
    /// Makes it current, and these buffers its storage at bindings 0, 1, ...
    void use(std::initializer_list<const Buffer*> buffers) const;

  private:
    GLuint name_ = 0;
};

/// Waits on a fence until the GPU has done everything so far; an Error after two minutes.
void finish();

}  // namespace viaduct::gles
