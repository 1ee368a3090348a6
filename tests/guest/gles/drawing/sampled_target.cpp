#include "tests/guest/gles/drawing/sampled_target.h"

#include "tests/guest/gles/context.h"

namespace viaduct::gles {

SampledTarget::SampledTarget(int width, int height, int samples, Depth depth)
    : width_(width), height_(height), samples_(samples) {
    glGenTextures(1, &colour_);
    glBindTexture(GL_TEXTURE_2D_MULTISAMPLE, colour_);
    glTexStorage2DMultisample(GL_TEXTURE_2D_MULTISAMPLE, samples, GL_RGBA8, width, height, GL_TRUE);
    glGenFramebuffers(1, &framebuffer_);
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
    glFramebufferTexture2D(GL_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D_MULTISAMPLE, colour_,
                           0);
    if (depth != Depth::kNone) {
        glGenRenderbuffers(1, &depth_);
        glBindRenderbuffer(GL_RENDERBUFFER, depth_);
        glRenderbufferStorageMultisample(GL_RENDERBUFFER, samples, GL_DEPTH24_STENCIL8, width,
                                         height);
        glFramebufferRenderbuffer(GL_FRAMEBUFFER, GL_DEPTH_STENCIL_ATTACHMENT, GL_RENDERBUFFER,
                                  depth_);
    }
    check_gl("a multisampled framebuffer");
    GLint given = 0;
    glGetIntegerv(GL_SAMPLES, &given);
    if (given != samples || glCheckFramebufferStatus(GL_FRAMEBUFFER) != GL_FRAMEBUFFER_COMPLETE)
        throw Error("the multisampled framebuffer is not what was asked for");
    glViewport(0, 0, width, height);
    glClearColor(0, 0, 0, 0);
    glClear(GL_COLOR_BUFFER_BIT | GL_DEPTH_BUFFER_BIT | GL_STENCIL_BUFFER_BIT);
    check_gl("glClear");
}

SampledTarget::~SampledTarget() {
    glDeleteFramebuffers(1, &framebuffer_);
    glDeleteRenderbuffers(1, &depth_);
    glDeleteTextures(1, &colour_);
}

SampledTarget::Place SampledTarget::place(int sample) const {
    glBindFramebuffer(GL_FRAMEBUFFER, framebuffer_);
    GLfloat place[2] = {};
    glGetMultisamplefv(GL_SAMPLE_POSITION, static_cast<GLuint>(sample), place);
    check_gl("glGetMultisamplefv");
    return {place[0], place[1]};
}

void SampledTarget::resolve_to(const Target& target) const {
    glBindFramebuffer(GL_READ_FRAMEBUFFER, framebuffer_);
    glBindFramebuffer(GL_DRAW_FRAMEBUFFER, target.framebuffer());
    glBlitFramebuffer(0, 0, width_, height_, 0, 0, width_, height_, GL_COLOR_BUFFER_BIT,
                      GL_NEAREST);
    check_gl("glBlitFramebuffer");
}

}  // namespace viaduct::gles
