// Seat: keyboard, pointer and touch screen over a window.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "display/wayland/cursor.h"
#include "display/wayland/globals.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

/// Input events, as they come from the compositor. Positions are in the surface's coordinates. The
/// listener must not destroy the seat from within.
class SeatListener {
  public:
    virtual ~SeatListener() = default;
    /// The keyboard's layout in xkb's text format, `size` bytes of a file (borrowed).
    virtual void keymap(int /*fd*/, uint32_t /*size*/) {}
    /// A key of linux/input-event-codes.h. The compositor sends no repeats.
    virtual void key(uint32_t /*evdev*/, bool /*pressed*/) {}
    /// Keys that are down now go up elsewhere.
    virtual void keyboard_left() {}
    virtual void pointer_at(double /*x*/, double /*y*/) {}
    /// While the pointer is grabbed.
    virtual void pointer_by(double /*dx*/, double /*dy*/) {}
    virtual void pointer_left() {}
    /// BTN_* of linux/input-event-codes.h.
    virtual void button(uint32_t /*evdev*/, bool /*pressed*/) {}
    /// In parts of a step, 120 each; down and right are positive.
    virtual void wheel(bool /*horizontal*/, int32_t /*parts*/) {}
    virtual void touch_down(int32_t /*id*/, double /*x*/, double /*y*/) {}
    virtual void touch_moved(int32_t /*id*/, double /*x*/, double /*y*/) {}
    virtual void touch_up(int32_t /*id*/) {}
    virtual void touches_cancelled() {}
    /// All that belongs together has come.
    virtual void input_frame() {}
};

/// Not thread-safe. Objects of the connection, which has to outlive it.
class Seat {
  public:
    /// `globals` (which have `seat`), `surface` and `listener` are borrowed.
    Seat(const Globals& globals, wl_surface* surface, SeatListener& listener);
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    /// Locks the pointer in its place, so that it only reports how it is moved, and gives the
    /// window the compositor's own shortcuts; or ends both. What the compositor does not offer is
    /// left out.
    void grab(bool wanted);
    bool grabbed() const { return grabbed_; }
    /// True if the compositor can lock the pointer.
    bool can_lock() const { return globals_.constraints && globals_.relative_pointers; }
    /// The pointer's picture over the window; null: none.
    Status set_cursor(const CursorImage* image);
    /// Of the window, for the pointer's picture.
    void set_scale(Scale scale);
    /// Of the last key, button or entry of the keyboard; 0: the keyboard is elsewhere.
    uint32_t keyboard_serial() const { return serial_; }

  private:
    friend struct SeatEvents;
    void capabilities(uint32_t offered);
    void update_grab();
    void show_cursor();
    void scroll(uint32_t axis, int32_t parts);

    const Globals& globals_;
    wl_surface* surface_;
    SeatListener& listener_;
    Cursor cursor_;
    bool cursor_visible_ = true;
    Keyboard keyboard_;
    Pointer pointer_;
    Touch touch_;
    uint32_t entered_ = 0;  // the serial; 0: the pointer is elsewhere
    uint32_t serial_ = 0;   // 0: the keyboard is elsewhere
    bool grabbed_ = false;
    LockedPointer lock_;
    RelativePointer relative_;
    ShortcutsInhibitor inhibitor_;
    int32_t scrolled_[2] = {};  // vertically, horizontally: parts of the event frame
    bool exact_[2] = {};        // they are of a wheel that reports parts
};

}  // namespace viaduct::wayland
