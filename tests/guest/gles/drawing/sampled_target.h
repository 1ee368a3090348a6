// A framebuffer with several samples per pixel.
#pragma once

#include <GLES3/gl31.h>

#include <cstdint>

#include "tests/guest/gles/drawing/picture.h"

namespace viaduct::gles {

/// Bound while it lives, all of it cleared to 0 and a depth of 1, with a viewport of its size.
class SampledTarget {
  public:
    enum class Depth : uint8_t { kNone, k24Stencil8 };
    struct Place {
        float x = 0, y = 0;  // from the pixel's lower left corner, 0 to 1
    };

    /// Throws if the driver gives another number of samples.
    SampledTarget(int width, int height, int samples, Depth depth = Depth::kNone);
    SampledTarget(const SampledTarget&) = delete;
    SampledTarget& operator=(const SampledTarget&) = delete;
    ~SampledTarget();

    int samples() const { return samples_; }
    /// Of GL_TEXTURE_2D_MULTISAMPLE.
    GLuint texture() const { return colour_; }
    /// A sample's place, as the driver reports it.
    Place place(int sample) const;
    /// Mixes the samples of each pixel into `target`, which has the same size.
    void resolve_to(const Target& target) const;

  private:
    int width_, height_, samples_;
    GLuint colour_ = 0, depth_ = 0, framebuffer_ = 0;
};

}  // namespace viaduct::gles
