#include "display/viewer/scanout.h"

#include <drm_fourcc.h>
#include <unistd.h>

#include <algorithm>

#include "blob/memfd.h"
#include "display/viewer/pixman_format.h"

namespace viaduct::viewer {

namespace {

bool is_linear(const Picture& picture) {
    return picture.modifier == DRM_FORMAT_MOD_LINEAR && picture.strides.size() == 1;
}

// The part of the buffer that is shown. Linear buffers are described from its corner on; of others
// the whole is imported, and cropped.
Status check_part(const Picture& picture) {
    const uint64_t right = uint64_t{picture.x} + picture.width;
    const uint64_t bottom = uint64_t{picture.y} + picture.height;
    if (right > picture.backing_width || bottom > picture.backing_height)
        return fail(EINVAL, "a picture of {}x{} at {},{} exceeds its buffer of {}x{}",
                    picture.width, picture.height, picture.x, picture.y, picture.backing_width,
                    picture.backing_height);
    return {};
}

Status write_at(int fd, std::span<const std::byte> bytes, uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t put = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return fail(put < 0 ? errno : EIO, "cannot store a picture's bytes");
        bytes = bytes.subspan(static_cast<size_t>(put));
        offset += static_cast<uint64_t>(put);
    }
    return {};
}

Result<uint32_t> check_pixels(const Pixels& pixels) {
    const uint32_t fourcc = fourcc_of_pixman(pixels.pixman_format);
    if (!fourcc)
        return fail(ENOTSUP, "pictures in pixman format {:#x} cannot be shown",
                    pixels.pixman_format);
    const uint64_t row = uint64_t{pixels.width} * bytes_per_pixel(fourcc);
    if (pixels.width == 0 || pixels.height == 0 || pixels.width > kMaxFrameSide ||
        pixels.height > kMaxFrameSide || pixels.stride < row ||
        uint64_t{pixels.stride} * (pixels.height - 1) + row > pixels.bytes.size())
        return fail(EINVAL, "{} bytes do not match a picture of {}x{} with rows of {} bytes",
                    pixels.bytes.size(), pixels.width, pixels.height, pixels.stride);
    return fourcc;
}

}  // namespace

FrameDescription Scanout::describe(const Picture& picture) const {
    FrameDescription frame;
    frame.width = picture.width;
    frame.height = picture.height;
    frame.fourcc = picture.fourcc;
    frame.modifier = picture.modifier;
    frame.bottom_up = picture.bottom_up;
    frame.plain_memory = picture.plain_memory;
    for (size_t i = 0; i < picture.strides.size(); ++i) {
        // Fewer descriptors than planes: the others are in the last one's buffer.
        const size_t buffer = std::min(i, picture.buffers.size() - 1);
        frame.planes.push_back({picture.buffers[buffer].get(),
                                i < picture.offsets.size() ? picture.offsets[i] : 0,
                                picture.strides[i]});
    }
    const bool whole =
        picture.width == picture.backing_width && picture.height == picture.backing_height;
    if (whole) return frame;
    if (is_linear(picture)) {
        // check_part() has been there: no difference is negative.
        const uint32_t row =
            picture.bottom_up ? picture.backing_height - picture.y - picture.height : picture.y;
        const uint64_t offset = frame.planes[0].offset + uint64_t{row} * picture.strides[0] +
                                uint64_t{picture.x} * bytes_per_pixel(picture.fourcc);
        // A sum beyond 32 bits is beyond any buffer: Frame::check() refuses it.
        frame.planes[0].offset = static_cast<uint32_t>(std::min<uint64_t>(offset, UINT32_MAX));
        return frame;
    }
    frame.width = picture.backing_width;
    frame.height = picture.backing_height;
    frame.crop =
        FrameRect{static_cast<int32_t>(picture.x), static_cast<int32_t>(picture.y),
                  static_cast<int32_t>(picture.width), static_cast<int32_t>(picture.height)};
    return frame;
}

Status Scanout::show(Picture picture) {
    picture_.reset();
    dark_at_ = INT64_MAX;
    if (picture.buffers.empty() || picture.strides.empty())
        return fail(EINVAL, "a picture has {} buffers and {} planes", picture.buffers.size(),
                    picture.strides.size());
    if (const auto part = check_part(picture); !part) return part;
    const auto frame = Frame::check(describe(picture));
    if (!frame) return tl::unexpected(frame.error());
    width_ = picture.width;
    height_ = picture.height;
    picture_ = std::move(picture);
    return {};
}

Status Scanout::show(const Pixels& pixels) {
    picture_.reset();
    dark_at_ = INT64_MAX;
    const auto fourcc = check_pixels(pixels);
    if (!fourcc) return tl::unexpected(fourcc.error());
    const uint64_t size = uint64_t{pixels.stride} * pixels.height;
    auto memory = create_sealed_memfd("viaduct-picture", size);
    if (!memory) return tl::unexpected(memory.error());
    const auto bytes = pixels.bytes.first(std::min<size_t>(pixels.bytes.size(), size));
    if (const auto status = write_at(memory->get(), bytes, 0); !status) return status;
    copied_bytes_ += bytes.size();
    Picture picture;
    picture.buffers.push_back(*std::move(memory));
    picture.width = picture.backing_width = pixels.width;
    picture.height = picture.backing_height = pixels.height;
    picture.strides = {pixels.stride};
    picture.fourcc = *fourcc;
    picture.plain_memory = true;
    return show(std::move(picture));
}

Status Scanout::change(int32_t x, int32_t y, const Pixels& pixels) {
    if (!picture_ || !picture_->plain_memory)
        return fail(EINVAL, "an update of {}x{} to a picture in shared memory", pixels.width,
                    pixels.height);
    const auto fourcc = check_pixels(pixels);
    if (!fourcc) return tl::unexpected(fourcc.error());
    const uint32_t pixel = bytes_per_pixel(*fourcc);
    if (x < 0 || y < 0 || int64_t{x} + pixels.width > picture_->width ||
        int64_t{y} + pixels.height > picture_->height || pixel != bytes_per_pixel(picture_->fourcc))
        return fail(EINVAL, "an update of {}x{} at {},{} exceeds the picture of {}x{}",
                    pixels.width, pixels.height, x, y, picture_->width, picture_->height);
    const size_t row = size_t{pixels.width} * pixel;
    for (size_t line = 0; line < pixels.height; ++line) {
        const uint64_t offset = (static_cast<uint64_t>(y) + line) * picture_->strides[0] +
                                static_cast<uint64_t>(x) * pixel;
        const auto bytes = pixels.bytes.subspan(line * pixels.stride, row);
        if (const auto status = write_at(picture_->buffers[0].get(), bytes, offset); !status)
            return status;
    }
    copied_bytes_ += row * pixels.height;
    return {};
}

void Scanout::disable(int64_t now) {
    dark_at_ = now + kDarkAfter;
}

Result<Frame> Scanout::frame(const std::optional<FrameRect>& damage) const {
    if (!picture_) return fail(ENOENT, "no picture to show");
    FrameDescription description = describe(*picture_);
    description.damage = damage;
    if (damage && description.crop) {
        // Sums of hostile numbers: in 64 bits, and back to what Frame clips anyway.
        const auto shift = [](int32_t by, int32_t value) {
            return static_cast<int32_t>(
                std::clamp<int64_t>(int64_t{by} + value, INT32_MIN, INT32_MAX));
        };
        description.damage->x = shift(description.crop->x, damage->x);
        description.damage->y = shift(description.crop->y, damage->y);
    }
    return Frame::check(description);
}

Result<Frame> Scanout::dark_frame() {
    dark_at_ = INT64_MAX;
    if (width_ == 0 || height_ == 0) return fail(ENOENT, "no picture was shown before");
    const auto memory = create_sealed_memfd("viaduct-dark", uint64_t{width_} * height_ * 4);
    if (!memory) return tl::unexpected(memory.error());
    picture_.reset();
    FrameDescription description;
    description.planes = {{memory->get(), 0, width_ * 4}};
    description.width = width_;
    description.height = height_;
    description.fourcc = DRM_FORMAT_XRGB8888;
    description.plain_memory = true;
    return Frame::check(description);
}

}  // namespace viaduct::viewer
