// Frame: a picture in dma-bufs, with its layout and the fence that completes it, as one value.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/shared_fd.h"
#include "base/unique_fd.h"
#include "blob/mapped_files.h"

namespace viaduct {

/// Corner and size in pixels.
struct FrameRect {
    int32_t x = 0;
    int32_t y = 0;
    int32_t width = 0;
    int32_t height = 0;
    bool operator==(const FrameRect&) const = default;
};

/// A frame as a producer describes it: any field may have any value.
struct FrameDescription {
    struct Plane {
        int fd = -1;  // borrowed; several planes may share a buffer
        uint32_t offset = 0;
        uint32_t stride = 0;  // bytes from row to row
    };
    std::vector<Plane> planes;
    uint32_t width = 0;      // pixels
    uint32_t height = 0;     // pixels
    uint32_t fourcc = 0;     // drm_fourcc.h, DRM_FORMAT_*
    uint64_t modifier = 0;   // drm_fourcc.h, DRM_FORMAT_MOD_*
    bool bottom_up = false;  // row 0 is the lowest
    /// Plain memory in a file that may shrink, which no GPU can import: it is never mapped, and
    /// shown as a copy. Of one plane, linear.
    bool plain_memory = false;
    int acquire_fence = -1;  // borrowed sync file; -1: the buffers' own fences decide
    // Both count from the top left of the picture as it is seen, as virtio-gpu's rectangles do: not
    // by the buffer's rows, which may come from the bottom up.
    std::optional<FrameRect> crop;    // the part to be shown; nothing: all of it
    std::optional<FrameRect> damage;  // what changed; nothing: all of it
};

/// Where the pixels of a frame are. Frames of one layout can share a compositor's buffer.
struct FrameLayout {
    struct Plane {
        FileId buffer;
        uint32_t offset = 0;
        uint32_t stride = 0;
        bool operator==(const Plane&) const = default;
    };
    std::vector<Plane> planes;
    uint32_t width = 0;
    uint32_t height = 0;
    uint32_t fourcc = 0;
    uint64_t modifier = 0;
    bool operator==(const FrameLayout&) const = default;
};

/// Wider or higher pictures are refused: beyond any display, and small enough that no product of
/// sizes overflows.
inline constexpr uint32_t kMaxFrameSide = 16384;

/// A checked frame. Its descriptors are its own. Its layout fits its buffers, and passes the checks
/// of compositors, which would end the whole connection.
class Frame {
  public:
    /// Checks a description and duplicates its descriptors. EINVAL: a size, stride, offset or plane
    /// that does not fit; ENOTSUP: a format that is not in the table; EACCES: a buffer that is
    /// neither a dma-buf nor a memfd sealed against shrinking, or, of plain memory, not a regular
    /// file; EMFILE: no descriptor left.
    static Result<Frame> check(const FrameDescription& description);
    /// True for a buffer that check() takes as other than plain memory.
    static bool importable(int fd);

    const FrameLayout& layout() const { return layout_; }
    /// The buffer of a plane; planes in one buffer share a descriptor.
    const SharedFd& buffer(size_t plane) const { return buffers_[plane]; }
    bool bottom_up() const { return bottom_up_; }
    /// FrameDescription::plain_memory: only pread() is safe.
    bool plain_memory() const { return plain_memory_; }
    /// The part that is shown, within the frame; from the top of the picture.
    const FrameRect& crop() const { return crop_; }
    bool cropped() const {
        return crop_ != FrameRect{0, 0, static_cast<int32_t>(layout_.width),
                                  static_cast<int32_t>(layout_.height)};
    }
    /// Within the frame, from the top of the picture. Empty: nothing changed.
    const FrameRect& damage() const { return damage_; }
    /// A sync file that signals when the picture is complete; invalid: none came with the frame.
    const UniqueFd& acquire_fence() const { return acquire_fence_; }
    /// Rows one after the other from the given offset, so that a CPU can read them.
    bool is_linear() const;
    /// Copies the pixels, rows without gaps, to `to`, which has room for them. Of a linear frame of
    /// one plane whose fences have signalled; others wait here (DMA_BUF_IOCTL_SYNC). EIO: plain
    /// memory that has shrunk meanwhile.
    Status read_rows(std::span<std::byte> to) const;

  private:
    Frame() = default;
    Status take_buffers(const FrameDescription& description);

    FrameLayout layout_;
    std::vector<SharedFd> buffers_;
    bool bottom_up_ = false;
    bool plain_memory_ = false;
    FrameRect crop_;
    FrameRect damage_;
    UniqueFd acquire_fence_;
};

/// Bytes per pixel of a format with one plane; 0: another, or not in the table.
uint32_t bytes_per_pixel(uint32_t fourcc);
/// "XR24": for messages; unprintable characters are escaped.
std::string fourcc_name(uint32_t fourcc);

}  // namespace viaduct
