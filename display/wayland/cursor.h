// Cursor: the pointer's picture over a window.
#pragma once

#include <array>

#include "base/result.h"
#include "display/wayland/cursor_image.h"
#include "display/wayland/globals.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

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
