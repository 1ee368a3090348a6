// Cursor: the pointer's picture over a window.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "display/wayland/globals.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

/// ARGB with premultiplied alpha, a word per pixel, rows without gaps.
struct CursorImage {
    uint32_t width = 0;
    uint32_t height = 0;
    int32_t hot_x = 0;  // the point that points
    int32_t hot_y = 0;
    std::vector<uint32_t> pixels;
};

/// Cursors of guests are 64x64; this is what larger planes of real cards have.
inline constexpr uint32_t kMaxCursorSide = 512;

/// EINVAL: a size that does not fit the bytes, or is beyond kMaxCursorSide; a hot spot outside.
Result<CursorImage> check_cursor(int32_t width, int32_t height, int32_t hot_x, int32_t hot_y,
                                 std::span<const std::byte> bytes);

/// An arrow, for guests that have not set a cursor.
CursorImage arrow_cursor();

class Cursor {
  public:
    /// `globals` are borrowed.
    explicit Cursor(const Globals& globals)
        : globals_(globals), surface_(wl_compositor_create_surface(globals.compositor.get())) {}

    /// The picture from now on; as large as its sizes say. A pointer that is over the window shows
    /// it after the next show().
    Status set(const CursorImage& image);
    /// Lets `pointer`, which entered the window with `serial`, have the picture.
    void show(wl_pointer* pointer, uint32_t serial) const;
    static void hide(wl_pointer* pointer, uint32_t serial) {
        wl_pointer_set_cursor(pointer, serial, nullptr, 0, 0);
    }

  private:
    const Globals& globals_;
    Surface surface_;
    // The one that is shown, and the one before it, which the compositor may still read.
    std::array<WlBuffer, 2> buffers_;
    int32_t hot_x_ = 0;
    int32_t hot_y_ = 0;
};

}  // namespace viaduct::wayland
