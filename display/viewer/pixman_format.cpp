#include "display/viewer/pixman_format.h"

#include <drm_fourcc.h>

#include <algorithm>
#include <iterator>

namespace viaduct::viewer {

namespace {

// pixman.h, PIXMAN_FORMAT(): bits per pixel, order of the channels, and bits of each channel.
constexpr uint32_t pixman(uint32_t bits, uint32_t order, uint32_t channels) {
    return bits << 24 | order << 16 | channels;
}
// pixman.h, PIXMAN_TYPE_*: the order from the highest bits down.
constexpr uint32_t kArgb = 2;
constexpr uint32_t kAbgr = 3;
constexpr uint32_t kBgra = 8;
constexpr uint32_t kRgba = 9;

// Both libraries name 32-bit pixels as little-endian words.
constexpr struct {
    uint32_t pixman;
    uint32_t fourcc;
} kFormats[] = {
    {pixman(32, kArgb, 0x0888), DRM_FORMAT_XRGB8888},
    {pixman(32, kArgb, 0x8888), DRM_FORMAT_ARGB8888},
    {pixman(32, kAbgr, 0x0888), DRM_FORMAT_XBGR8888},
    {pixman(32, kAbgr, 0x8888), DRM_FORMAT_ABGR8888},
    {pixman(32, kBgra, 0x0888), DRM_FORMAT_BGRX8888},
    {pixman(32, kBgra, 0x8888), DRM_FORMAT_BGRA8888},
    {pixman(32, kRgba, 0x0888), DRM_FORMAT_RGBX8888},
    {pixman(32, kRgba, 0x8888), DRM_FORMAT_RGBA8888},
    {pixman(16, kArgb, 0x0565), DRM_FORMAT_RGB565},
};

}  // namespace

uint32_t fourcc_of_pixman(uint32_t format) {
    const auto* const found =
        std::ranges::find_if(kFormats, [&](const auto& row) { return row.pixman == format; });
    return found == std::end(kFormats) ? 0 : found->fourcc;
}

}  // namespace viaduct::viewer
