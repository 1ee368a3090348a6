// Cursor: the pointer's picture over a window.
#pragma once

#include <array>

#include "base/result.h"
#include "display/wayland/cursor_image.h"
#include "display/wayland/globals.h"
#include "display/wayland/protocol.h"
#include "display/wayland/scale.h"

namespace viaduct::wayland {

class Cursor {
  public:
    /// `globals` are borrowed.
    explicit Cursor(const Globals& globals);

    /// The picture from now on; as large as its sizes say. A pointer that is over the window shows
    /// it after the next show().
    Status set(const CursorImage& image);
    /// The window's. A guest's cursor is scaled as its picture is. True: it is another scale, and
    /// show() is due.
    bool set_scale(Scale scale);
    /// Lets `pointer`, which entered the window with `serial`, have the picture.
    void show(wl_pointer* pointer, uint32_t serial) const;
    static void hide(wl_pointer* pointer, uint32_t serial) {
        wl_pointer_set_cursor(pointer, serial, nullptr, 0, 0);
    }

  private:
    void commit();
    /// Of the picture, in the surface's coordinates.
    int32_t on_surface(uint32_t pixels) const;

    const Globals& globals_;
    Surface surface_;
    Viewport viewport_;  // null: the compositor has no fractional scales
    Scale scale_;
    // The one that is shown, and the one before it, which the compositor may still read.
    std::array<WlBuffer, 2> buffers_;
    CursorImage image_;  // without its pixels
};

}  // namespace viaduct::wayland
