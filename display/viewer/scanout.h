// Scanout: what a console shows now, from QEMU's messages to checked frames.
#pragma once

#include <cstdint>
#include <optional>

#include "display/frame.h"
#include "display/viewer/picture.h"

namespace viaduct::viewer {

/// Times are in ns of one monotonic clock, the caller's. Not thread-safe.
class Scanout {
  public:
    /// QEMU up to 11.1 disables the screen after each page flip. It is dark only if nothing follows
    /// for so long.
    static constexpr int64_t kDarkAfter = 100'000'000;

    /// Shows another buffer. On failure, of Frame::check() or for a part that is not within the
    /// buffer, nothing is shown until the next picture.
    Status show(Picture picture);
    /// Shows bytes, which are copied.
    Status show(const Pixels& pixels);
    /// Changes a part of a picture that was shown by value. EINVAL: a part that is not within it.
    Status change(int32_t x, int32_t y, const Pixels& pixels);
    void disable(int64_t now);

    /// A frame of it all, with what changed in it, in the picture's coordinates. ENOENT: there is
    /// no picture, or none that can be shown.
    Result<Frame> frame(const std::optional<FrameRect>& damage) const;
    /// A black frame of the last size.
    Result<Frame> dark_frame();
    /// When the screen is to go dark; INT64_MAX: it is not.
    int64_t dark_at() const { return dark_at_; }
    /// An update came: it is not dark after all.
    void wake() { dark_at_ = INT64_MAX; }

    uint32_t width() const { return width_; }
    uint32_t height() const { return height_; }
    /// Bytes that were copied here, of pictures that came by value.
    uint64_t copied_bytes() const { return copied_bytes_; }

  private:
    FrameDescription describe(const Picture& picture) const;

    std::optional<Picture> picture_;
    uint32_t width_ = 0;  // of the last picture that could be shown
    uint32_t height_ = 0;
    int64_t dark_at_ = INT64_MAX;
    uint64_t copied_bytes_ = 0;
};

}  // namespace viaduct::viewer
