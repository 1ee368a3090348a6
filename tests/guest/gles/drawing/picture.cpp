#include "tests/guest/gles/drawing/picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "tests/guest/gles/context.h"

namespace viaduct::gles {
namespace {

constexpr char kPassOn[] = R"(#version 310 es
in vec4 position;
in vec4 value;
out vec4 v;
void main() {
    gl_Position = position;
    gl_PointSize = 1.0;
    v = value;
}
)";

GLuint compile(GLenum kind, const char* source) {
    const GLuint shader = glCreateShader(kind);
    glShaderSource(shader, 1, &source, nullptr);
    glCompileShader(shader);
    GLint compiled = GL_FALSE;
    glGetShaderiv(shader, GL_COMPILE_STATUS, &compiled);
    if (compiled == GL_TRUE) return shader;
    char log[4096] = "";
    glGetShaderInfoLog(shader, sizeof(log), nullptr, log);
    throw Error(std::string("the shader does not compile: ") + log);
}

GLenum depth_format(Target::Depth depth) {
    switch (depth) {
        case Target::Depth::k16:
            return GL_DEPTH_COMPONENT16;
        case Target::Depth::k32Float:
            return GL_DEPTH_COMPONENT32F;
        default:
            return GL_DEPTH24_STENCIL8;
    }
}

void reset_state() {
    for (GLenum capability : {GL_BLEND, GL_CULL_FACE, GL_DEPTH_TEST, GL_POLYGON_OFFSET_FILL,
                              GL_PRIMITIVE_RESTART_FIXED_INDEX, GL_SCISSOR_TEST, GL_STENCIL_TEST})
        glDisable(capability);
    glColorMask(GL_TRUE, GL_TRUE, GL_TRUE, GL_TRUE);
    glDepthMask(GL_TRUE);
    glDepthFunc(GL_LESS);
    glStencilMask(0xff);
    glFrontFace(GL_CCW);
    glCullFace(GL_BACK);
    glBlendEquation(GL_FUNC_ADD);
    glBlendFunc(GL_ONE, GL_ZERO);
    glClearColor(0, 0, 0, 0);
    glClearDepthf(1);
    glClearStencil(0);
}

/// Vertex arrays in a buffer of their own, gone after the draw.
class VertexData {
  public:
    explicit VertexData(const std::vector<PaintVertex>& vertices) {
        glGenBuffers(1, &buffer_);
        glBindBuffer(GL_ARRAY_BUFFER, buffer_);
        glBufferData(GL_ARRAY_BUFFER,
                     static_cast<GLsizeiptr>(vertices.size() * sizeof(PaintVertex)),
                     vertices.data(), GL_STATIC_DRAW);
        for (GLuint attribute = 0; attribute < 2; attribute++) {
            const auto* offset = reinterpret_cast<const void*>(attribute * sizeof(float[4]));
            glVertexAttribPointer(attribute, 4, GL_FLOAT, GL_FALSE, sizeof(PaintVertex), offset);
            glEnableVertexAttribArray(attribute);
        }
    }
    VertexData(const VertexData&) = delete;
    VertexData& operator=(const VertexData&) = delete;
    ~VertexData() { glDeleteBuffers(1, &buffer_); }

  private:
    GLuint buffer_ = 0;
};

}  // namespace

Texture::Texture(GLenum format, int width, int height, int levels)
    : width_(width), height_(height) {
    glGenTextures(1, &name_);
    glBindTexture(GL_TEXTURE_2D, name_);
    glTexStorage2D(GL_TEXTURE_2D, levels, format, width, height);
    set(GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    set(GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    check_gl("glTexStorage2D");
}

Texture::~Texture() {
    glDeleteTextures(1, &name_);
}

void Texture::fill(int level, GLenum format, GLenum type, const void* pixels) const {
    glBindTexture(GL_TEXTURE_2D, name_);
    glPixelStorei(GL_UNPACK_ALIGNMENT, 1);
    glTexSubImage2D(GL_TEXTURE_2D, level, 0, 0, std::max(width_ >> level, 1),
                    std::max(height_ >> level, 1), format, type, pixels);
    check_gl("glTexSubImage2D");
}

void Texture::set(GLenum parameter, GLint value) const {
    glBindTexture(GL_TEXTURE_2D, name_);
    glTexParameteri(GL_TEXTURE_2D, parameter, value);
}

Target::Target(int width, int height, Depth depth, GLenum format)
    : width_(width), height_(height), colour_(format, width, height) {
    glGenFramebuffers(1, &framebuffer_);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, colour_.get(), 0);
    if (depth != Depth::kNone) {
        glGenRenderbuffers(1, &depth_);
        glBindRenderbuffer(GL_RENDERBUFFER, depth_);
        glRenderbufferStorage(GL_RENDERBUFFER, depth_format(depth), width, height);
        const GLenum attachment =
            depth == Depth::k24Stencil8 ? GL_DEPTH_STENCIL_ATTACHMENT : GL_DEPTH_ATTACHMENT;
        glFramebufferRenderbuffer(GL_FRAMEBUFFER, attachment, GL_RENDERBUFFER, depth_);
    }
    if (glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
        throw Error("the framebuffer is not complete");
    reset_state();
    glViewport(0, 0, width, height);
    glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT | GL_STENCIL_BUFFER_BIT);
    check_gl("glClear");
}

Target::~Target() {
    glDeleteFramebuffers(1, &framebuffer_);
    glDeleteRenderbuffers(1, &depth_);
}

std::vector<uint8_t> Target::read() const {
    std::vector<uint8_t> pixels(static_cast<size_t>(width_) * static_cast<size_t>(height_) * 4);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
    glReadPixels(0, 0, width_, height_, GL_RGBA, GL_UNSIGNED_BYTE, pixels.data());
    check_gl("glReadPixels");
    return pixels;
}

void Target::expect(const std::function<Rgba(int x, int y)>& expected, int tolerance) const {
    const std::vector<uint8_t> pixels = read();
    int wrong = 0;
    for (int y = 0; y < height_; y++)
        for (int x = 0; x < width_; x++) {
            const uint8_t* got = &pixels[static_cast<size_t>(y * width_ + x) * 4];
            const Rgba want = expected(x, y);
            bool right = true;
            for (size_t c = 0; c < 4; c++) right = right && std::abs(got[c] - want[c]) <= tolerance;
            if (right || wrong++ >= 5) continue;
            ADD_FAILURE() << "pixel " << x << "," << y << " is " << int{got[0]} << " "
                          << int{got[1]} << " " << int{got[2]} << " " << int{got[3]} << ", not "
                          << want[0] << " " << want[1] << " " << want[2] << " " << want[3];
        }
    EXPECT_EQ(wrong, 0) << "of " << width_ * height_ << " pixels";
}

Painter::Painter(const std::vector<Shader>& shaders, const std::vector<const char*>& captured)
    : name_(glCreateProgram()) {
    for (const Shader& shader : shaders) {
        const GLuint compiled = compile(shader.kind, shader.source);
        glAttachShader(name_, compiled);
        glDeleteShader(compiled);
    }
    glBindAttribLocation(name_, 0, "position");
    glBindAttribLocation(name_, 1, "value");
    if (!captured.empty())
        glTransformFeedbackVaryings(name_, static_cast<GLsizei>(captured.size()), captured.data(),
                                    GL_INTERLEAVED_ATTRIBS);
    glLinkProgram(name_);
    GLint linked = GL_FALSE;
    glGetProgramiv(name_, GL_LINK_STATUS, &linked);
    if (linked != GL_TRUE) throw Error("the program does not link");
    use();
}

Painter::Painter(const char* vertex_source, const char* fragment_source)
    : Painter({{GL_VERTEX_SHADER, vertex_source}, {GL_FRAGMENT_SHADER, fragment_source}}) {}

Painter::Painter(const char* fragment_source) : Painter(kPassOn, fragment_source) {}

Painter::~Painter() {
    glDeleteProgram(name_);
}

void Painter::use() const {
    glUseProgram(name_);
}

GLint Painter::uniform(const char* name) const {
    return glGetUniformLocation(name_, name);
}

void paint(GLenum mode, const std::vector<PaintVertex>& vertices, int instances) {
    const VertexData data(vertices);
    glDrawArraysInstanced(mode, 0, static_cast<GLsizei>(vertices.size()), instances);
    check_gl("glDrawArraysInstanced");
}

void paint_indexed(GLenum mode, const std::vector<PaintVertex>& vertices,
                   const std::vector<uint16_t>& indices) {
    const VertexData data(vertices);
    GLuint buffer = 0;
    glGenBuffers(1, &buffer);
    glBindBuffer(GL_ELEMENT_ARRAY_BUFFER, buffer);
    glBufferData(GL_ELEMENT_ARRAY_BUFFER, static_cast<GLsizeiptr>(indices.size() * 2),
                 indices.data(), GL_STATIC_DRAW);
    glDrawElements(mode, static_cast<GLsizei>(indices.size()), GL_UNSIGNED_SHORT, nullptr);
    glDeleteBuffers(1, &buffer);
    check_gl("glDrawElements");
}

void paint_all(float z, const std::array<float, 4>& v) {
    const auto corner = [&](float x, float y) {
        return PaintVertex{{x, y, z, 1}, {v[0], v[1], v[2], v[3]}};
    };
    paint(GL_TRIANGLE_STRIP, {corner(-1, -1), corner(1, -1), corner(-1, 1), corner(1, 1)});
}

int to_byte(double value) {
    return static_cast<int>(std::lround(std::min(std::max(value, 0.0), 1.0) * 255));
}

}  // namespace viaduct::gles
