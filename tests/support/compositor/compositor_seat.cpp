// The compositor's input devices, and the protocols that grab them.
#include <gtest/gtest.h>
#include <unistd.h>
#include <wayland-server.h>

#include "blob/memfd.h"
#include "keyboard-shortcuts-inhibit-server-protocol.h"
#include "pointer-constraints-server-protocol.h"
#include "relative-pointer-server-protocol.h"
#include "tests/support/compositor/compositor.h"
#include "tests/support/compositor/server_objects.h"

namespace viaduct::test {

namespace {

constexpr struct wl_keyboard_interface kKeyboard = {.release = destroy_resource};
constexpr struct wl_touch_interface kTouch = {.release = destroy_resource};
constexpr struct wl_pointer_interface kPointer = {
    .set_cursor =
        [](wl_client*, wl_resource* pointer, uint32_t serial, wl_resource* surface, int32_t x,
           int32_t y) {
            EXPECT_GT(serial, 100U);
            of(pointer).seat.cursor = surface;
            of(pointer).seat.hot_spot = {x, y};
            ++of(pointer).seat.cursors_set;
        },
    .release = destroy_resource,
};

template <const auto& kImplementation, const auto& kInterface, auto kMember>
void get(wl_client* client, wl_resource* seat, uint32_t id) {
    wl_resource* made = wl_resource_create(client, &kInterface, wl_resource_get_version(seat), id);
    of(seat).seat.*kMember = made;
    wl_resource_set_implementation(made, &kImplementation, &of(seat),
                                   [](wl_resource* gone) { of(gone).seat.*kMember = nullptr; });
}

constexpr struct wl_seat_interface kSeat = {
    .get_pointer = get<kPointer, wl_pointer_interface, &ServerSeat::pointer>,
    .get_keyboard = get<kKeyboard, wl_keyboard_interface, &ServerSeat::keyboard>,
    .get_touch = get<kTouch, wl_touch_interface, &ServerSeat::touch>,
    .release = destroy_resource,
};

/// Counts objects of a kind while they live.
template <const auto& kImplementation, auto kCount>
wl_resource* counted(wl_client* client, wl_resource* parent, const wl_interface& interface,
                     uint32_t id) {
    wl_resource* made = wl_resource_create(client, &interface, 1, id);
    ++(of(parent).seat.*kCount);
    wl_resource_set_implementation(made, &kImplementation, &of(parent),
                                   [](wl_resource* gone) { --(of(gone).seat.*kCount); });
    return made;
}

constexpr struct zwp_locked_pointer_v1_interface kLock = {
    .destroy = destroy_resource,
    .set_cursor_position_hint = [](wl_client*, wl_resource*, wl_fixed_t, wl_fixed_t) {},
    .set_region = [](wl_client*, wl_resource*, wl_resource*) {},
};
constexpr struct zwp_pointer_constraints_v1_interface kConstraints = {
    .destroy = destroy_resource,
    .lock_pointer =
        [](wl_client* client, wl_resource* resource, uint32_t id, wl_resource* surface,
           wl_resource*, wl_resource*, uint32_t) {
            EXPECT_EQ(surface, of(resource).surface) << "not the window";
            if (of(resource).seat.locks > 0)
                return of(resource).refuse(
                    resource, ZWP_POINTER_CONSTRAINTS_V1_ERROR_ALREADY_CONSTRAINED, "locked");
            counted<kLock, &ServerSeat::locks>(client, resource, zwp_locked_pointer_v1_interface,
                                               id);
        },
    .confine_pointer = [](wl_client*, wl_resource*, uint32_t, wl_resource*, wl_resource*,
                          wl_resource*, uint32_t) {},
};

constexpr struct zwp_relative_pointer_v1_interface kRelative = {.destroy = destroy_resource};
constexpr struct zwp_relative_pointer_manager_v1_interface kRelativeManager = {
    .destroy = destroy_resource,
    .get_relative_pointer =
        [](wl_client* client, wl_resource* resource, uint32_t id, wl_resource*) {
            get<kRelative, zwp_relative_pointer_v1_interface, &ServerSeat::relative>(client,
                                                                                     resource, id);
        },
};

constexpr struct zwp_keyboard_shortcuts_inhibitor_v1_interface kInhibitor = {.destroy =
                                                                                 destroy_resource};
constexpr struct zwp_keyboard_shortcuts_inhibit_manager_v1_interface kInhibitManager = {
    .destroy = destroy_resource,
    .inhibit_shortcuts =
        [](wl_client* client, wl_resource* resource, uint32_t id, wl_resource*, wl_resource*) {
            counted<kInhibitor, &ServerSeat::inhibitors>(
                client, resource, zwp_keyboard_shortcuts_inhibitor_v1_interface, id);
        },
};

// As compositors do: the devices are announced at once.
void bind_seat(wl_client* client, void* data, uint32_t version, uint32_t id) {
    wl_resource* seat =
        wl_resource_create(client, &wl_seat_interface, static_cast<int>(version), id);
    wl_resource_set_implementation(seat, &kSeat, data, nullptr);
    wl_seat_send_capabilities(
        seat, WL_SEAT_CAPABILITY_POINTER | WL_SEAT_CAPABILITY_KEYBOARD | WL_SEAT_CAPABILITY_TOUCH);
    wl_seat_send_name(seat, "seat0");
}

}  // namespace

void offer_seat(Compositor& compositor) {
    const auto offer = [&](const wl_interface& interface, int version, auto bound) {
        wl_global_create(compositor.display, &interface, version, &compositor, bound);
    };
    offer(wl_seat_interface, 8, bind_seat);
    offer_selection(compositor);
    offer(zwp_pointer_constraints_v1_interface, 1,
          bind<kConstraints, zwp_pointer_constraints_v1_interface>);
    offer(zwp_relative_pointer_manager_v1_interface, 1,
          bind<kRelativeManager, zwp_relative_pointer_manager_v1_interface>);
    offer(zwp_keyboard_shortcuts_inhibit_manager_v1_interface, 1,
          bind<kInhibitManager, zwp_keyboard_shortcuts_inhibit_manager_v1_interface>);
}

void ServerSeat::send_keymap(const std::string& text) const {
    const auto file = create_sealed_memfd("keymap", text.size() + 1).value();
    EXPECT_EQ(::pwrite(file.get(), text.c_str(), text.size() + 1, 0),
              static_cast<ssize_t>(text.size() + 1));
    wl_keyboard_send_keymap(keyboard, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, file.get(),
                            static_cast<uint32_t>(text.size() + 1));
}

void ServerSeat::send_key(uint32_t evdev, bool pressed) {
    wl_keyboard_send_key(keyboard, ++serial, 0, evdev, pressed ? 1 : 0);
}

void ServerSeat::send_keyboard_enter(wl_resource* surface) {
    wl_array none{};
    wl_keyboard_send_enter(keyboard, ++serial, surface, &none);
}

void ServerSeat::send_keyboard_leave(wl_resource* surface) {
    wl_keyboard_send_leave(keyboard, ++serial, surface);
}

void ServerSeat::send_enter(wl_resource* surface, double x, double y) {
    wl_pointer_send_enter(pointer, ++serial, surface, wl_fixed_from_double(x),
                          wl_fixed_from_double(y));
}

void ServerSeat::send_leave(wl_resource* surface) {
    wl_pointer_send_leave(pointer, serial, surface);
}

void ServerSeat::send_motion(double x, double y) const {
    wl_pointer_send_motion(pointer, 0, wl_fixed_from_double(x), wl_fixed_from_double(y));
}

void ServerSeat::send_relative(double dx, double dy) const {
    zwp_relative_pointer_v1_send_relative_motion(relative, 0, 0, wl_fixed_from_double(dx),
                                                 wl_fixed_from_double(dy), wl_fixed_from_double(dx),
                                                 wl_fixed_from_double(dy));
}

void ServerSeat::send_button(uint32_t evdev, bool pressed) {
    wl_pointer_send_button(pointer, serial, 0, evdev, pressed ? 1 : 0);
}

void ServerSeat::send_wheel(uint32_t axis, int32_t parts) const {
    wl_pointer_send_axis_value120(pointer, axis, parts);
    wl_pointer_send_axis(pointer, 0, axis, wl_fixed_from_double(parts / 8.0));
}

void ServerSeat::send_distance(uint32_t axis, double distance) const {
    wl_pointer_send_axis(pointer, 0, axis, wl_fixed_from_double(distance));
}

void ServerSeat::send_pointer_frame() const {
    wl_pointer_send_frame(pointer);
}

void ServerSeat::send_touch_down(wl_resource* surface, int32_t id, double x, double y) {
    wl_touch_send_down(touch, serial, 0, surface, id, wl_fixed_from_double(x),
                       wl_fixed_from_double(y));
}

void ServerSeat::send_touch_motion(int32_t id, double x, double y) const {
    wl_touch_send_motion(touch, 0, id, wl_fixed_from_double(x), wl_fixed_from_double(y));
}

void ServerSeat::send_touch_up(int32_t id) {
    wl_touch_send_up(touch, serial, 0, id);
}

void ServerSeat::send_touch_cancel() const {
    wl_touch_send_cancel(touch);
}

}  // namespace viaduct::test
