#include "display/viewer/screenshot.h"

#include <drm_fourcc.h>
#include <png.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "display/viewer/scanout.h"
#include "display/viewer/session.h"

namespace viaduct::viewer {

namespace {

using Clock = std::chrono::steady_clock;

/// Waits until something has come, for a second at most. False once `end` has passed.
bool wait_until(Clock::time_point end, wayland::Watches& watches) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()).count();
    if (left <= 0) return false;
    pollfd ready{watches.fd(), POLLIN, 0};
    ::poll(&ready, 1, static_cast<int>(std::min<int64_t>(left, 1000)));
    watches.dispatch();
    return true;
}

/// Where a format's channels are in a little-endian word, the highest 8 bits of each.
struct Channels {
    uint32_t fourcc;
    int red;
    int green;
    int blue;
};

// As Frame names formats: without alpha.
constexpr Channels kChannels[] = {
    {DRM_FORMAT_XRGB8888, 16, 8, 0},     {DRM_FORMAT_XBGR8888, 0, 8, 16},
    {DRM_FORMAT_RGBX8888, 24, 16, 8},    {DRM_FORMAT_BGRX8888, 8, 16, 24},
    {DRM_FORMAT_XRGB2101010, 22, 12, 2}, {DRM_FORMAT_XBGR2101010, 2, 12, 22},
};

void flip(std::vector<uint8_t>& rgb, uint32_t height) {
    const size_t row = rgb.size() / height;
    for (size_t y = 0; y < height / 2; ++y)
        std::swap_ranges(rgb.begin() + static_cast<ptrdiff_t>(y * row),
                         rgb.begin() + static_cast<ptrdiff_t>((y + 1) * row),
                         rgb.begin() + static_cast<ptrdiff_t>((height - 1 - y) * row));
}

/// Keeps the first complete picture.
class Photographer : public ConsoleUser, public SessionHost {
  public:
    explicit Photographer(std::optional<uint32_t> only) : only_(only) {}

    ConsoleUser* user_of(uint32_t console, const ConsoleInfo&, const std::string&) override {
        if (chosen_ || (only_ && *only_ != console)) return nullptr;
        chosen_ = true;
        return this;
    }
    void consoles_known(size_t wanted) override {
        if (wanted == 0) picture = fail(ENOENT, "the VM has no such display");
    }

    Status scanout(Picture shown) override {
        const bool complete = shown.plain_memory;
        return seen(scanout_.show(std::move(shown)), complete);
    }
    Status scanout(const Pixels& pixels) override { return seen(scanout_.show(pixels), true); }
    Status pixels_changed(int32_t x, int32_t y, const Pixels& pixels) override {
        return seen(scanout_.change(x, y, pixels), true);
    }
    void update(const FrameRect&, UpdateHold::Reply reply) override {
        if (auto frame = scanout_.frame({})) picture = std::move(frame);
        if (reply) reply();
    }
    void disable() override {}
    void cursor_set(bool) override {}
    void cursor_defined(wayland::CursorImage) override {}

    std::optional<Result<Frame>> picture;

  private:
    Status seen(const Status& status, bool complete) {
        if (!status)
            picture = tl::unexpected(status.error());
        else if (complete)
            picture = scanout_.frame({});
        return status;
    }

    const std::optional<uint32_t> only_;
    bool chosen_ = false;
    Scanout scanout_;
};

}  // namespace

Result<std::vector<uint8_t>> rgb_of(const Frame& frame) {
    const FrameLayout& layout = frame.layout();
    const auto* const channels = std::ranges::find(kChannels, layout.fourcc, &Channels::fourcc);
    if (!frame.is_linear() || channels == std::end(kChannels))
        return fail(ENOTSUP,
                    "the picture is in the GPU's own layout (format {}, modifier {:#x}), which "
                    "only a GPU can read",
                    fourcc_name(layout.fourcc), layout.modifier);
    std::vector<uint32_t> pixels(size_t{layout.width} * layout.height);
    if (const auto status = frame.read_rows(std::as_writable_bytes(std::span(pixels))); !status)
        return tl::unexpected(status.error());
    std::vector<uint8_t> rgb;
    rgb.reserve(pixels.size() * 3);
    for (const uint32_t pixel : pixels)
        for (const int shift : {channels->red, channels->green, channels->blue})
            rgb.push_back(static_cast<uint8_t>(pixel >> shift));
    if (frame.bottom_up()) flip(rgb, layout.height);
    return rgb;
}

Status write_png(const std::string& file, uint32_t width, uint32_t height,
                 const std::vector<uint8_t>& rgb) {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = width;
    image.height = height;
    image.format = PNG_FORMAT_RGB;
    errno = 0;
    if (!png_image_write_to_file(&image, file.c_str(), 0, rgb.data(), 0, nullptr))
        return fail(errno ? errno : EIO, "cannot write {}: {}", file,
                    errno ? std::strerror(errno) : image.message);
    return {};
}

Result<Frame> take_picture(const std::function<Result<Connecting>(wayland::Watches&)>& connect_bus,
                           bool has_daemon, std::optional<uint32_t> only, int64_t patience) {
    const auto end = Clock::now() + std::chrono::nanoseconds(patience);
    wayland::Watches watches;
    auto connecting = connect_bus(watches);
    if (!connecting) return tl::unexpected(connecting.error());
    std::unique_ptr<Bus> bus;
    while (!bus) {
        auto reached = advance(*connecting, watches);
        if (!reached) return tl::unexpected(reached.error());
        bus = *std::move(reached);
        if (!bus && !wait_until(end, watches))
            return fail(ETIMEDOUT, "there is no connection to the VM");
    }
    Photographer photographer(only);
    Session session(std::move(bus), has_daemon, {}, watches, photographer);
    while (!photographer.picture) {
        if (const auto status = session.turn(); !status) return tl::unexpected(status.error());
        if (photographer.picture) break;
        if (!wait_until(end, watches)) return fail(ETIMEDOUT, "the VM shows no picture");
    }
    return *std::move(photographer.picture);
}

}  // namespace viaduct::viewer
