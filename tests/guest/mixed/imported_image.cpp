#include "tests/guest/mixed/imported_image.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>
#include <GLES3/gl31.h>
#include <drm_fourcc.h>
// After the GLES header, whose types it uses.
#include <GLES2/gl2ext.h>

#include "tests/guest/gles/context.h"

namespace viaduct::gles {
namespace {

// One triangle over everything, and the texel behind each pixel.
constexpr char kVertexShader[] = R"(#version 310 es
void main() {
    gl_Position = vec4(float(gl_VertexID & 1) * 4.0 - 1.0, float(gl_VertexID & 2) * 2.0 - 1.0, 0, 1);
})";
constexpr char kFragmentShader[] = R"(#version 310 es
precision highp float;
uniform sampler2D picture;
out vec4 colour;
void main() { colour = texelFetch(picture, ivec2(gl_FragCoord.xy), 0); })";

GLuint link_program() {
    const GLuint program = glCreateProgram();
    const auto attach = [&](GLenum stage, const char* source) {
        const GLuint shader = glCreateShader(stage);
        glShaderSource(shader, 1, &source, nullptr);
        glCompileShader(shader);
        glAttachShader(program, shader);
        glDeleteShader(shader);
    };
    attach(GL_VERTEX_SHADER, kVertexShader);
    attach(GL_FRAGMENT_SHADER, kFragmentShader);
    glLinkProgram(program);
    GLint linked = GL_FALSE;
    glGetProgramiv(program, GL_LINK_STATUS, &linked);
    if (linked == GL_FALSE) throw Error("the program that shows a texture does not link");
    return program;
}

/// As a compositor: draws the bound texture, and reads what came of it. (Memory that only the GPU
/// sees cannot be read otherwise.)
void draw_and_read(const Picture& picture, std::vector<std::byte>& pixels) {
    const auto width = static_cast<GLsizei>(picture.width);
    const auto height = static_cast<GLsizei>(picture.height);
    GLuint target = 0;
    GLuint framebuffer = 0;
    glGenRenderbuffers(1, &target);
    glBindRenderbuffer(GL_RENDERBUFFER, target);
    glRenderbufferStorage(GL_RENDERBUFFER, GL_RGBA8, width, height);
    glGenFramebuffers(1, &framebuffer);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer);
    glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_RENDERBUFFER, target);
    glViewport(0, 0, width, height);
    const GLuint program = link_program();
    glUseProgram(program);
    // texelFetch needs a complete texture: one without mipmaps.
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
    glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MAG_FILTER, GL_NEAREST);
    glDrawArrays(GL_TRIANGLES, 0, 3);
    check_gl("glDrawArrays");
    glReadPixels(0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, pixels.data());
    check_gl("glReadPixels");
    glDeleteProgram(program);
    glDeleteFramebuffers(1, &framebuffer);
    glDeleteRenderbuffers(1, &target);
}

}  // namespace

std::vector<std::byte> read_imported(const Picture& picture, const UniqueFd& memory) {
    const auto image_target = reinterpret_cast<PFNGLEGLIMAGETARGETTEXTURE2DOESPROC>(
        eglGetProcAddress("glEGLImageTargetTexture2DOES"));
    if (image_target == nullptr) throw Error("there is no glEGLImageTargetTexture2DOES");
    const auto attribute = [](auto value) { return static_cast<EGLAttrib>(value); };
    const EGLAttrib attributes[] = {EGL_WIDTH,
                                    attribute(picture.width),
                                    EGL_HEIGHT,
                                    attribute(picture.height),
                                    EGL_LINUX_DRM_FOURCC_EXT,
                                    attribute(DRM_FORMAT_ABGR8888),
                                    EGL_DMA_BUF_PLANE0_FD_EXT,
                                    attribute(memory.get()),
                                    EGL_DMA_BUF_PLANE0_OFFSET_EXT,
                                    0,
                                    EGL_DMA_BUF_PLANE0_PITCH_EXT,
                                    attribute(picture.stride),
                                    EGL_NONE};
    const EGLDisplay display = eglGetCurrentDisplay();
    const EGLImage image =
        eglCreateImage(display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, nullptr, attributes);
    if (image == EGL_NO_IMAGE) throw Error("the dma-buf cannot be imported (eglCreateImage)");

    GLuint texture = 0;
    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    image_target(GL_TEXTURE_2D, image);
    check_gl("glEGLImageTargetTexture2DOES");
    std::vector<std::byte> pixels(picture.bytes());
    draw_and_read(picture, pixels);
    glDeleteTextures(1, &texture);
    eglDestroyImage(display, image);
    return pixels;
}

}  // namespace viaduct::gles
