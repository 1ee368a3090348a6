// CursorImage: the picture of a pointer.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace viaduct::wayland {

/// ARGB with premultiplied alpha, a word per pixel, rows without gaps.
struct CursorImage {
    uint32_t width = 0;
    uint32_t height = 0;
    int32_t hot_x = 0;  // the point that points
    int32_t hot_y = 0;
    std::vector<uint32_t> pixels;
    /// False: its sizes are in the surface's coordinates, not in pixels as a guest's are.
    bool of_guest = true;
};

/// Cursors of guests are 64x64; this is what larger planes of real cards have.
inline constexpr uint32_t kMaxCursorSide = 512;

/// EINVAL: a size that does not fit the bytes, or is beyond kMaxCursorSide; a hot spot outside.
Result<CursorImage> check_cursor(int32_t width, int32_t height, int32_t hot_x, int32_t hot_y,
                                 std::span<const std::byte> bytes);

/// An arrow, for guests that have not set a cursor.
CursorImage arrow_cursor();

}  // namespace viaduct::wayland
