#include "display/wayland/cursor_image.h"

#include <cstring>

namespace viaduct::wayland {

CursorImage arrow_cursor() {
    constexpr uint32_t kSide = 16;
    constexpr uint32_t kWhite = 0xffffffff;
    constexpr uint32_t kBlack = 0xff000000;
    CursorImage arrow{kSide, kSide, 0, 0, std::vector<uint32_t>(size_t{kSide} * kSide), false};
    // A triangle whose corner is the hot spot, black with a white edge.
    for (uint32_t y = 0; y < kSide; ++y)
        for (uint32_t x = 0; x <= y * 2 / 3; ++x) {
            const bool edge = x == 0 || x == y * 2 / 3 || y == kSide - 1;
            arrow.pixels[size_t{y} * kSide + x] = edge ? kWhite : kBlack;
        }
    return arrow;
}

Result<CursorImage> check_cursor(int32_t width, int32_t height, int32_t hot_x, int32_t hot_y,
                                 std::span<const std::byte> bytes) {
    constexpr auto kMost = static_cast<int32_t>(kMaxCursorSide);
    if (width < 1 || height < 1 || width > kMost || height > kMost)
        return fail(EINVAL, "a cursor of {}x{} pixels cannot be shown; each side must be 1 to {}",
                    width, height, kMost);
    const auto pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
    if (bytes.size() != pixels * 4)
        return fail(EINVAL, "a cursor of {}x{} pixels does not match its {} bytes", width, height,
                    bytes.size());
    if (hot_x < 0 || hot_y < 0 || hot_x >= width || hot_y >= height)
        return fail(EINVAL, "a cursor of {}x{} pixels cannot have its hot spot at {},{}", width,
                    height, hot_x, hot_y);
    CursorImage cursor{static_cast<uint32_t>(width), static_cast<uint32_t>(height), hot_x, hot_y,
                       std::vector<uint32_t>(pixels)};
    std::memcpy(cursor.pixels.data(), bytes.data(), bytes.size());
    return cursor;
}

}  // namespace viaduct::wayland
