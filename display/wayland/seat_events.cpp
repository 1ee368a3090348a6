// Seat: events of its devices.
#include <algorithm>
#include <utility>

#include "base/unique_fd.h"
#include "display/wayland/protocol.h"
#include "display/wayland/seat.h"

namespace viaduct::wayland {

namespace {

size_t index_of(uint32_t axis) {
    return axis == WL_POINTER_AXIS_HORIZONTAL_SCROLL ? 1 : 0;
}

// wl_pointer.axis: a wheel's step is 10 or 15 units in today's compositors, a touch pad's distance
// is in units of the surface. A step of a wheel: 120.
int32_t parts_of_distance(wl_fixed_t distance) {
    constexpr double kUnitsOfStep = 15;
    const double parts = wl_fixed_to_double(distance) * 120 / kUnitsOfStep;
    return static_cast<int32_t>(std::clamp(parts, -12000.0, 12000.0));
}

}  // namespace

struct SeatEvents {
    static SeatListener& listener(void* data) { return self<Seat>(data).listener_; }

    // wl_keyboard

    static void keymap(void* data, wl_keyboard*, uint32_t format, int32_t fd, uint32_t size) {
        const UniqueFd file(fd);
        if (format == WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1) listener(data).keymap(fd, size);
    }
    // Keys that were pressed elsewhere are not this window's.
    static void keyboard_enter(void* data, wl_keyboard*, uint32_t serial, wl_surface*, wl_array*) {
        self<Seat>(data).serial_ = serial;
    }
    static void keyboard_leave(void* data, wl_keyboard*, uint32_t, wl_surface*) {
        self<Seat>(data).serial_ = 0;
        listener(data).keyboard_left();
    }
    static void used(void* data, uint32_t serial) {
        if (self<Seat>(data).serial_ != 0) self<Seat>(data).serial_ = serial;
    }
    static void key(void* data, wl_keyboard*, uint32_t serial, uint32_t, uint32_t key,
                    uint32_t state) {
        used(data, serial);
        listener(data).key(key, state == WL_KEYBOARD_KEY_STATE_PRESSED);
    }
    static void modifiers(void*, wl_keyboard*, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t) {}
    static void repeat_info(void*, wl_keyboard*, int32_t, int32_t) {}

    // wl_pointer

    static void enter(void* data, wl_pointer*, uint32_t serial, wl_surface* surface, wl_fixed_t x,
                      wl_fixed_t y) {
        Seat& seat = self<Seat>(data);
        if (surface != seat.surface_) return;
        seat.entered_ = serial;
        seat.show_cursor();
        seat.listener_.pointer_at(wl_fixed_to_double(x), wl_fixed_to_double(y));
    }
    static void leave(void* data, wl_pointer*, uint32_t, wl_surface*) {
        self<Seat>(data).entered_ = 0;
        listener(data).pointer_left();
    }
    static void motion(void* data, wl_pointer* pointer, uint32_t, wl_fixed_t x, wl_fixed_t y) {
        listener(data).pointer_at(wl_fixed_to_double(x), wl_fixed_to_double(y));
        end_old_frame(data, pointer);
    }
    // Old compositors do not send frame events, which group what belongs together.
    static void end_old_frame(void* data, wl_pointer* pointer) {
        if (wl_pointer_get_version(pointer) < WL_POINTER_FRAME_SINCE_VERSION) frame(data, pointer);
    }
    static void button(void* data, wl_pointer*, uint32_t serial, uint32_t, uint32_t button,
                       uint32_t state) {
        used(data, serial);
        listener(data).button(button, state == WL_POINTER_BUTTON_STATE_PRESSED);
    }
    static void axis(void* data, wl_pointer* pointer, uint32_t, uint32_t axis,
                     wl_fixed_t distance) {
        Seat& seat = self<Seat>(data);
        if (!seat.exact_[index_of(axis)]) seat.scroll(axis, parts_of_distance(distance));
        end_old_frame(data, pointer);
    }
    static void exact(void* data, uint32_t axis, int32_t parts) {
        Seat& seat = self<Seat>(data);
        if (!std::exchange(seat.exact_[index_of(axis)], true)) seat.scrolled_[index_of(axis)] = 0;
        seat.scroll(axis, std::clamp(parts, -12000, 12000));
    }
    static void axis_discrete(void* data, wl_pointer*, uint32_t axis, int32_t steps) {
        exact(data, axis, std::clamp(steps, -100, 100) * 120);
    }
    static void axis_value120(void* data, wl_pointer*, uint32_t axis, int32_t parts) {
        exact(data, axis, parts);
    }
    static void frame(void* data, wl_pointer*) {
        Seat& seat = self<Seat>(data);
        for (const size_t i : {0U, 1U}) {
            seat.exact_[i] = false;
            if (const int32_t parts = std::exchange(seat.scrolled_[i], 0))
                seat.listener_.wheel(i == 1, parts);
        }
        seat.listener_.input_frame();
    }
    static void axis_source(void*, wl_pointer*, uint32_t) {}
    static void axis_stop(void*, wl_pointer*, uint32_t, uint32_t) {}

    // wl_touch

    static void down(void* data, wl_touch*, uint32_t, uint32_t, wl_surface*, int32_t id,
                     wl_fixed_t x, wl_fixed_t y) {
        listener(data).touch_down(id, wl_fixed_to_double(x), wl_fixed_to_double(y));
    }
    static void up(void* data, wl_touch*, uint32_t, uint32_t, int32_t id) {
        listener(data).touch_up(id);
    }
    static void moved(void* data, wl_touch*, uint32_t, int32_t id, wl_fixed_t x, wl_fixed_t y) {
        listener(data).touch_moved(id, wl_fixed_to_double(x), wl_fixed_to_double(y));
    }
    static void touch_frame(void* data, wl_touch*) { listener(data).input_frame(); }
    static void cancel(void* data, wl_touch*) { listener(data).touches_cancelled(); }
    static void shape(void*, wl_touch*, int32_t, wl_fixed_t, wl_fixed_t) {}
    static void orientation(void*, wl_touch*, int32_t, wl_fixed_t) {}

    static void capabilities(void* data, wl_seat*, uint32_t offered) {
        self<Seat>(data).capabilities(offered);
    }
    static void name(void*, wl_seat*, const char*) {}
};

Seat::Seat(const Globals& globals, wl_surface* surface, SeatListener& listener)
    : globals_(globals), surface_(surface), listener_(listener), cursor_(globals) {
    static constexpr wl_seat_listener kListener = {
        .capabilities = SeatEvents::capabilities,
        .name = SeatEvents::name,
    };
    wl_seat_add_listener(globals.seat.get(), &kListener, this);
    const CursorImage arrow = arrow_cursor();
    std::ignore = set_cursor(&arrow);
}

// Devices come and go.
void Seat::capabilities(uint32_t offered) {
    using Events = SeatEvents;
    static constexpr wl_keyboard_listener kKeyboard = {
        .keymap = Events::keymap,
        .enter = Events::keyboard_enter,
        .leave = Events::keyboard_leave,
        .key = Events::key,
        .modifiers = Events::modifiers,
        .repeat_info = Events::repeat_info,
    };
    static constexpr wl_pointer_listener kPointer = {
        .enter = Events::enter,
        .leave = Events::leave,
        .motion = Events::motion,
        .button = Events::button,
        .axis = Events::axis,
        .frame = Events::frame,
        .axis_source = Events::axis_source,
        .axis_stop = Events::axis_stop,
        .axis_discrete = Events::axis_discrete,
        .axis_value120 = Events::axis_value120,
    };
    static constexpr wl_touch_listener kTouch = {
        .down = Events::down,
        .up = Events::up,
        .motion = Events::moved,
        .frame = Events::touch_frame,
        .cancel = Events::cancel,
        .shape = Events::shape,
        .orientation = Events::orientation,
    };
    wl_seat* seat = globals_.seat.get();
    if (!(offered & WL_SEAT_CAPABILITY_KEYBOARD)) {
        if (keyboard_) listener_.keyboard_left();
        serial_ = 0;
        keyboard_.reset();
    } else if (!keyboard_) {
        keyboard_.reset(wl_seat_get_keyboard(seat));
        wl_keyboard_add_listener(keyboard_.get(), &kKeyboard, this);
    }
    if (!(offered & WL_SEAT_CAPABILITY_POINTER)) {
        if (pointer_) listener_.pointer_left();
        lock_.reset();
        relative_.reset();
        pointer_.reset();
        entered_ = 0;
    } else if (!pointer_) {
        pointer_.reset(wl_seat_get_pointer(seat));
        wl_pointer_add_listener(pointer_.get(), &kPointer, this);
        update_grab();
    }
    if (!(offered & WL_SEAT_CAPABILITY_TOUCH)) {
        if (touch_) listener_.touches_cancelled();
        touch_.reset();
    } else if (!touch_) {
        touch_.reset(wl_seat_get_touch(seat));
        wl_touch_add_listener(touch_.get(), &kTouch, this);
    }
}

}  // namespace viaduct::wayland
