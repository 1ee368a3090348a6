// viaduct-guest-screen: a guest's compositor in small. Draws frames with GLES into two buffers, and
// shows them in turn.
//
//   viaduct-guest-screen WIDTH HEIGHT FRAMES FILE
//
// Prints GL_RENDERER, shows the first frame, prints "begun" and waits for a line on stdin before it
// shows the others. FILE gets the last frame as the guest reads it back: red, green, blue, from the
// top. Then "showing" is printed, and the picture stays until stdin ends.
#include <EGL/eglext.h>
#include <GLES2/gl2ext.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "tests/guest/gles/context.h"
#include "tests/guest/kms/screen.h"

namespace {

using namespace viaduct;

constexpr GLsizei kColumns = 16;
constexpr GLsizei kRows = 12;

template <typename Function>
Function egl_function(const char* name) {
    const auto function = reinterpret_cast<Function>(eglGetProcAddress(name));
    if (!function) throw gles::Error(std::string(name) + " is missing");
    return function;
}

/// A texture that is a screen's framebuffer as well.
class Buffer {
  public:
    Buffer(kms::Screen& screen, GLsizei width, GLsizei height) : width_(width), height_(height) {
        glGenTextures(1, &texture_);
        glBindTexture(GL_TEXTURE_2D, texture_);
        // XRGB8888 is the only format of virtio-gpu's planes.
        glTexImage2D(GL_TEXTURE_2D, 0, GL_BGRA_EXT, width, height, 0, GL_BGRA_EXT, GL_UNSIGNED_BYTE,
                     nullptr);
        glTexParameteri(GL_TEXTURE_2D, GL_TEXTURE_MIN_FILTER, GL_NEAREST);
        glGenFramebuffers(1, &target_);
        glBindFramebuffer(GL_FRAMEBUFFER, target_);
        glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, texture_, 0);
        gles::check_gl("a render target in BGRA");
        export_to(screen);
    }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    uint32_t framebuffer() const { return framebuffer_; }

    /// A colour for each tile, which depends on the frame's number.
    void draw(unsigned frame) const {
        glBindFramebuffer(GL_FRAMEBUFFER, target_);
        glEnable(GL_SCISSOR_TEST);
        for (GLsizei row = 0; row < kRows; ++row)
            for (GLsizei column = 0; column < kColumns; ++column) {
                const auto tile = static_cast<unsigned>(row * kColumns + column);
                const auto level = [&](unsigned by) {
                    return static_cast<float>((tile * by + frame * 29) % 256) / 255.0F;
                };
                glScissor(column * width_ / kColumns, row * height_ / kRows, width_ / kColumns,
                          height_ / kRows);
                glClearColor(level(3), level(7), level(11), 1);
                glClear(GL_COLOR_BUFFER_BIT);
            }
        gles::finish();
    }

    void save(const char* path) const {
        std::vector<unsigned char> pixels(static_cast<size_t>(width_) *
                                          static_cast<size_t>(height_) * 4);
        glBindFramebuffer(GL_FRAMEBUFFER, target_);
        glReadPixels(0, 0, width_, height_, GL_RGBA, GL_UNSIGNED_BYTE, pixels.data());
        gles::check_gl("glReadPixels");
        std::ofstream file(path, std::ios::binary);
        for (size_t i = 0; i < pixels.size(); i += 4)
            file.write(reinterpret_cast<const char*>(&pixels[i]), 3);
        if (!file.flush()) throw gles::Error(std::string("cannot write ") + path);
    }

  private:
    void export_to(kms::Screen& screen) {
        const EGLDisplay display = eglGetCurrentDisplay();
        const auto name = reinterpret_cast<EGLClientBuffer>(static_cast<uintptr_t>(texture_));
        const EGLImage image =
            eglCreateImage(display, eglGetCurrentContext(), EGL_GL_TEXTURE_2D, name, nullptr);
        int fd = -1;
        EGLint stride = 0;
        EGLint offset = 0;
        const auto export_image =
            egl_function<PFNEGLEXPORTDMABUFIMAGEMESAPROC>("eglExportDMABUFImageMESA");
        if (image == EGL_NO_IMAGE || !export_image(display, image, &fd, &stride, &offset))
            throw gles::Error("the texture cannot be exported");
        const UniqueFd dmabuf(fd);
        eglDestroyImage(display, image);
        framebuffer_ =
            screen.add(dmabuf.get(), static_cast<uint32_t>(stride), static_cast<uint32_t>(offset));
    }

    GLsizei width_;
    GLsizei height_;
    GLuint texture_ = 0;
    GLuint target_ = 0;
    uint32_t framebuffer_ = 0;
};

void say(const char* text) {
    std::printf("%s\n", text);
    std::fflush(stdout);
}

void wait_for_line() {
    for (int read = std::getchar(); read != EOF && read != '\n'; read = std::getchar()) {
    }
}

int run(char** arguments) {
    const int width = std::atoi(arguments[1]);
    const int height = std::atoi(arguments[2]);
    const auto frames = static_cast<unsigned>(std::atoi(arguments[3]));
    const gles::Context context;
    say(context.renderer().c_str());
    kms::Screen screen(static_cast<uint32_t>(width), static_cast<uint32_t>(height));
    const Buffer buffers[] = {{screen, width, height}, {screen, width, height}};
    for (unsigned frame = 1; frame <= frames; ++frame) {
        buffers[frame % 2].draw(frame);
        screen.show(buffers[frame % 2].framebuffer());
        if (frame > 1) continue;
        say("begun");
        wait_for_line();
    }
    buffers[frames % 2].save(arguments[4]);
    say("showing");
    while (std::getchar() != EOF) {
    }
    return EXIT_SUCCESS;
}

}  // namespace

int main(int count, char** arguments) try {
    return count == 5 ? run(arguments) : 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "viaduct-guest-screen: %s\n", error.what());
    return EXIT_FAILURE;
}
