#include "display/frame.h"

#include <drm_fourcc.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "base/log.h"
#include "blob/foreign_memory.h"
#include "blob/memfd.h"

namespace viaduct {

namespace {

constexpr size_t kMaxPlanes = 4;  // of every kernel and compositor interface

/// A plane of a format: bytes of an element, and how many pixels one element stands for.
struct PlaneShape {
    uint8_t bytes = 0;
    uint8_t columns = 1;
    uint8_t rows = 1;
};

struct FormatShape {
    uint32_t fourcc = 0;
    uint32_t shown_as = 0;  // the same without alpha: a screen is opaque
    uint8_t num_planes = 1;
    std::array<PlaneShape, 2> planes = {};
};

constexpr FormatShape one_plane(uint32_t fourcc, uint32_t shown_as, uint8_t bytes) {
    return {fourcc, shown_as, 1, {{{bytes, 1, 1}, {}}}};
}

constexpr FormatShape kFormats[] = {
    one_plane(DRM_FORMAT_XRGB8888, DRM_FORMAT_XRGB8888, 4),
    one_plane(DRM_FORMAT_ARGB8888, DRM_FORMAT_XRGB8888, 4),
    one_plane(DRM_FORMAT_XBGR8888, DRM_FORMAT_XBGR8888, 4),
    one_plane(DRM_FORMAT_ABGR8888, DRM_FORMAT_XBGR8888, 4),
    one_plane(DRM_FORMAT_RGBX8888, DRM_FORMAT_RGBX8888, 4),
    one_plane(DRM_FORMAT_RGBA8888, DRM_FORMAT_RGBX8888, 4),
    one_plane(DRM_FORMAT_BGRX8888, DRM_FORMAT_BGRX8888, 4),
    one_plane(DRM_FORMAT_BGRA8888, DRM_FORMAT_BGRX8888, 4),
    one_plane(DRM_FORMAT_XRGB2101010, DRM_FORMAT_XRGB2101010, 4),
    one_plane(DRM_FORMAT_ARGB2101010, DRM_FORMAT_XRGB2101010, 4),
    one_plane(DRM_FORMAT_XBGR2101010, DRM_FORMAT_XBGR2101010, 4),
    one_plane(DRM_FORMAT_ABGR2101010, DRM_FORMAT_XBGR2101010, 4),
    one_plane(DRM_FORMAT_XBGR16161616F, DRM_FORMAT_XBGR16161616F, 8),
    one_plane(DRM_FORMAT_ABGR16161616F, DRM_FORMAT_XBGR16161616F, 8),
    one_plane(DRM_FORMAT_RGB565, DRM_FORMAT_RGB565, 2),
    {DRM_FORMAT_NV12, DRM_FORMAT_NV12, 2, {{{1, 1, 1}, {2, 2, 2}}}},
    {DRM_FORMAT_P010, DRM_FORMAT_P010, 2, {{{2, 1, 1}, {4, 2, 2}}}},
};

const FormatShape* find_format(uint32_t fourcc) {
    const auto* found = std::ranges::find(kFormats, fourcc, &FormatShape::fourcc);
    return found == std::end(kFormats) ? nullptr : found;
}

bool has_own_planes(uint64_t modifier) {
    return modifier != DRM_FORMAT_MOD_LINEAR && modifier != DRM_FORMAT_MOD_INVALID;
}

uint64_t divide_up(uint64_t value, uint64_t by) {
    return (value + by - 1) / by;
}

Status check_sizes(const FrameDescription& frame, const FormatShape& format) {
    if (frame.width == 0 || frame.height == 0 || frame.width > kMaxFrameSide ||
        frame.height > kMaxFrameSide)
        return fail(EINVAL, "a frame of {}x{} pixels cannot be shown; each side must be 1 to {}",
                    frame.width, frame.height, kMaxFrameSide);
    // A tiled layout may have planes of metadata as well.
    const size_t most = has_own_planes(frame.modifier) ? kMaxPlanes : format.num_planes;
    if (frame.planes.size() < format.num_planes || frame.planes.size() > most)
        return fail(EINVAL, "a frame in {} with modifier {:#x} has {} planes, not {}",
                    fourcc_name(frame.fourcc), frame.modifier, frame.planes.size(),
                    format.num_planes);
    if (frame.plain_memory && (frame.planes.size() != 1 || has_own_planes(frame.modifier)))
        return fail(EINVAL, "plain memory with {} planes and modifier {:#x} cannot be read",
                    frame.planes.size(), frame.modifier);
    return {};
}

// Compositors compute with 32 bits, and count whole rows over the height for the first plane
// (zwp_linux_buffer_params_v1.error.out_of_bounds).
Status check_plane(const FrameDescription& frame, const FormatShape& format, size_t index,
                   uint64_t buffer_size) {
    const auto& plane = frame.planes[index];
    uint64_t rows = 1;
    if (index < format.num_planes) {
        const PlaneShape& shape = format.planes[index];
        rows = divide_up(frame.height, shape.rows);
        const uint64_t row = divide_up(frame.width, shape.columns) * shape.bytes;
        if (!has_own_planes(frame.modifier) && plane.stride < row)
            return fail(EINVAL, "plane {}: a stride of {} bytes is less than a row's {}", index,
                        plane.stride, row);
    }
    if (plane.stride == 0) return fail(EINVAL, "plane {}: the stride is 0", index);
    const uint64_t end = plane.offset + plane.stride * rows;
    if (end > buffer_size || end > UINT32_MAX)
        return fail(EINVAL, "plane {}: {} rows of {} bytes at {} exceed the buffer's {} bytes",
                    index, rows, plane.stride, plane.offset, buffer_size);
    return {};
}

FrameRect clip(const FrameRect& rect, int64_t width, int64_t height) {
    const int64_t left = std::clamp<int64_t>(rect.x, 0, width);
    const int64_t top = std::clamp<int64_t>(rect.y, 0, height);
    const int64_t right = std::clamp<int64_t>(int64_t{rect.x} + rect.width, left, width);
    const int64_t bottom = std::clamp<int64_t>(int64_t{rect.y} + rect.height, top, height);
    return {static_cast<int32_t>(left), static_cast<int32_t>(top),
            static_cast<int32_t>(right - left), static_cast<int32_t>(bottom - top)};
}

}  // namespace

Result<Frame> Frame::check(const FrameDescription& description) {
    const FormatShape* format = find_format(description.fourcc);
    if (!format)
        return fail(ENOTSUP, "frames in format {} cannot be shown",
                    fourcc_name(description.fourcc));
    if (const auto status = check_sizes(description, *format); !status)
        return tl::unexpected(status.error());
    Frame frame;
    frame.layout_ = {
        {}, description.width, description.height, format->shown_as, description.modifier};
    if (const auto status = frame.take_buffers(description); !status)
        return tl::unexpected(status.error());
    for (size_t plane = 0; plane < description.planes.size(); ++plane) {
        const auto size = object_size(frame.buffers_[plane]->get());
        if (!size) return tl::unexpected(size.error());
        if (const auto status = check_plane(description, *format, plane, *size); !status)
            return tl::unexpected(status.error());
    }
    frame.bottom_up_ = description.bottom_up;
    frame.plain_memory_ = description.plain_memory;
    const FrameRect whole{0, 0, static_cast<int32_t>(description.width),
                          static_cast<int32_t>(description.height)};
    frame.crop_ = description.crop.value_or(whole);
    if (frame.crop_.width < 1 || frame.crop_.height < 1 ||
        clip(frame.crop_, whole.width, whole.height) != frame.crop_)
        return fail(EINVAL, "a crop of {}x{} at {},{} exceeds the frame of {}x{}",
                    frame.crop_.width, frame.crop_.height, frame.crop_.x, frame.crop_.y,
                    whole.width, whole.height);
    frame.damage_ = clip(description.damage.value_or(whole), whole.width, whole.height);
    if (description.acquire_fence >= 0) {
        frame.acquire_fence_ = UniqueFd::duplicate_of(description.acquire_fence);
        if (!frame.acquire_fence_)
            return fail(errno, "cannot duplicate the frame's fence, fd {}: {}",
                        description.acquire_fence, std::strerror(errno));
    }
    return frame;
}

Status Frame::take_buffers(const FrameDescription& description) {
    for (const auto& plane : description.planes) {
        struct stat status {};
        if (::fstat(plane.fd, &status) != 0)
            return fail(EACCES, "fd {} is not a buffer: {}", plane.fd, std::strerror(errno));
        if (!description.plain_memory) {
            if (const auto mappable = check_mappable(plane.fd, 0, 0); !mappable) return mappable;
        } else if (!S_ISREG(status.st_mode)) {
            return fail(EACCES, "fd {} is not a regular file", plane.fd);
        }
        const FileId id{status.st_dev, status.st_ino};
        const auto known = std::ranges::find(layout_.planes, id, &FrameLayout::Plane::buffer);
        if (known != layout_.planes.end()) {
            buffers_.push_back(buffers_[static_cast<size_t>(known - layout_.planes.begin())]);
        } else {
            auto copy = UniqueFd::duplicate_of(plane.fd);
            if (!copy) return fail(EMFILE, "no descriptor left for fd {}", plane.fd);
            buffers_.push_back(std::make_shared<const UniqueFd>(std::move(copy)));
        }
        layout_.planes.push_back({id, plane.offset, plane.stride});
    }
    return {};
}

bool Frame::importable(int fd) {
    return check_mappable(fd, 0, 0).has_value();
}

bool Frame::is_linear() const {
    return layout_.modifier == DRM_FORMAT_MOD_LINEAR;
}

uint32_t bytes_per_pixel(uint32_t fourcc) {
    const FormatShape* format = find_format(fourcc);
    return format && format->num_planes == 1 ? format->planes[0].bytes : 0;
}

std::string fourcc_name(uint32_t fourcc) {
    char name[4];
    std::memcpy(name, &fourcc, sizeof(name));
    return printable({name, sizeof(name)});
}

}  // namespace viaduct
