// Listener: the D-Bus object that QEMU sends a console's pictures to.
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "display/input/guest_input.h"
#include "display/viewer/bus.h"
#include "display/viewer/picture.h"
#include "display/viewer/update_hold.h"
#include "display/wayland/cursor_image.h"

namespace viaduct::viewer {

/// QEMU's messages, one function each. Only the types of their fields have been checked.
class ListenerEvents {
  public:
    virtual ~ListenerEvents() = default;
    /// A buffer, or shared memory, is shown from now on. An error is returned to QEMU, which then
    /// sends pictures by value instead of by shared memory.
    virtual Status scanout(Picture picture) = 0;
    virtual Status scanout(const Pixels& pixels) = 0;
    /// A part of a picture by value has changed.
    virtual Status pixels_changed(int32_t x, int32_t y, const Pixels& pixels) = 0;
    /// A part of the buffer or of the shared memory has changed. `reply` is to be called, at once
    /// or within a second; QEMU waits for it, if the picture is a dma-buf. It may be empty.
    virtual void update(const FrameRect& damage, UpdateHold::Reply reply) = 0;
    virtual void disable() = 0;
    virtual void cursor_set(bool visible) = 0;
    virtual void cursor_defined(wayland::CursorImage cursor) = 0;
};

/// Shows a console, and may have input for it.
class ConsoleUser : public ListenerEvents {
  public:
    /// QEMU is there: where input goes, and how another size is asked for. Null: it has gone.
    virtual void connect(input::GuestInput* /*guest*/,
                         std::function<void(uint32_t, uint32_t)> /*ask_size*/) {}
    /// The guest was asked for the size, or cannot be.
    virtual void size_answered() {}
    /// The guest's pointer is an absolute one.
    virtual void set_absolute(bool /*absolute*/) {}
};

/// Serves org.qemu.Display1.Listener (QEMU's ui/dbus-display1.xml) on a connection of its own.
class Listener {
  public:
    /// Starts to authenticate at once: QEMU's main loop waits for that. `events` are borrowed.
    static Result<std::unique_ptr<Listener>> serve(UniqueFd socket, wayland::Watches& watches,
                                                   ListenerEvents& events);
    Bus& bus() { return *bus_; }

  private:
    friend struct ListenerMethods;
    Listener(std::unique_ptr<Bus> bus, ListenerEvents& events)
        : bus_(std::move(bus)), events_(events) {}
    Status add_objects();

    std::unique_ptr<Bus> bus_;
    ListenerEvents& events_;
    std::array<BusSlot, 3> objects_;
};

}  // namespace viaduct::viewer
