#include "display/wayland/seat.h"

#include <algorithm>

namespace viaduct::wayland {

void Seat::grab(bool wanted) {
    if (wanted == grabbed_) return;
    grabbed_ = wanted;
    update_grab();
}

void Seat::update_grab() {
    if (!grabbed_ || !pointer_) {
        lock_.reset();
        relative_.reset();
    } else if (can_lock() && !lock_) {
        // On the toplevel's surface: KWin ignores locks of subsurfaces.
        lock_.reset(zwp_pointer_constraints_v1_lock_pointer(
            globals_.constraints.get(), surface_, pointer_.get(), nullptr,
            ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_PERSISTENT));
        relative_.reset(zwp_relative_pointer_manager_v1_get_relative_pointer(
            globals_.relative_pointers.get(), pointer_.get()));
        static constexpr zwp_relative_pointer_v1_listener kListener = {
            .relative_motion =
                [](void* data, zwp_relative_pointer_v1*, uint32_t, uint32_t, wl_fixed_t dx,
                   wl_fixed_t dy, wl_fixed_t, wl_fixed_t) {
                    static_cast<Seat*>(data)->listener_.pointer_by(wl_fixed_to_double(dx),
                                                                   wl_fixed_to_double(dy));
                },
        };
        zwp_relative_pointer_v1_add_listener(relative_.get(), &kListener, this);
    }
    if (!grabbed_)
        inhibitor_.reset();
    else if (globals_.shortcuts && !inhibitor_)
        inhibitor_.reset(zwp_keyboard_shortcuts_inhibit_manager_v1_inhibit_shortcuts(
            globals_.shortcuts.get(), surface_, globals_.seat.get()));
}

Status Seat::set_cursor(const CursorImage* image) {
    cursor_visible_ = image != nullptr;
    if (image)
        if (const auto status = cursor_.set(*image); !status) return status;
    show_cursor();
    return {};
}

void Seat::set_scale(Scale scale) {
    if (cursor_.set_scale(scale)) show_cursor();
}

void Seat::show_cursor() {
    if (!pointer_ || entered_ == 0) return;
    if (cursor_visible_)
        cursor_.show(pointer_.get(), entered_);
    else
        Cursor::hide(pointer_.get(), entered_);
}

// Within an event frame, parts of steps overrule plain distances: both are of the same turn.
void Seat::scroll(uint32_t axis, int32_t parts) {
    scrolled_[axis == WL_POINTER_AXIS_HORIZONTAL_SCROLL ? 1 : 0] += parts;
}

}  // namespace viaduct::wayland
