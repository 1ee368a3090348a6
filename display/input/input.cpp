#include "display/input/input.h"

#include <linux/input-event-codes.h>
#include <xkbcommon/xkbcommon-keysyms.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "display/input/keys.h"

namespace viaduct::input {

namespace {

// QEMU's ui/dbus-display1.xml and qapi/ui.json: wheel up, down; left, right.
constexpr uint32_t kWheelButtons[2][2] = {{3, 4}, {7, 8}};
// linux: of most touch screens, and of QEMU's (ui/input.c, INPUT_EVENT_SLOTS_MAX).
constexpr int kMaxSlots = 10;

template <typename Set, typename... Keys>
bool has_any(const Set& set, Keys... keys) {
    return (set.contains(keys) || ...);
}

}  // namespace

void Input::connect(GuestInput* guest) {
    guest_ = guest;
    keys_.clear();
    buttons_.clear();
    slots_.clear();
    touches_.clear();
    position_.reset();
    distance_ = {};
    if (!guest) set_grab(false);
}

// A pointer that jumps where the host's is needs no lock, and a lock would hide where that is.
void Input::set_absolute(bool absolute) {
    if (std::exchange(absolute_, absolute) == absolute) return;
    position_.reset();
    distance_ = {};
    if (absolute) set_grab(false);
}

void Input::set_grab(bool wanted) {
    if (wanted == grabbed_) return;
    grabbed_ = wanted;
    release_buttons();
    if (!wanted) release_keys();
    hooks_.grab(wanted);
}

std::string Input::title(const std::string& plain) const {
    return grabbed_ ? plain + " (Ctrl+Alt+G releases the pointer)" : plain;
}

void Input::keymap(int fd, uint32_t size) {
    if (const auto status = keymap_.load(fd, size); !status)
        log_.log(LogLevel::kWarning, "keymap", "shortcuts assume a US keyboard: {}",
                 status.error().message);
}

// True: it is not for the guest.
bool Input::shortcut(uint32_t evdev, bool pressed) {
    const bool held = has_any(physical_, KEY_LEFTCTRL, KEY_RIGHTCTRL) &&
                      has_any(physical_, KEY_LEFTALT, KEY_RIGHTALT);
    if (!pressed || !held) return false;
    const uint32_t symbol = keymap_.symbol(evdev);
    if (symbol != XKB_KEY_g && symbol != XKB_KEY_f) return false;
    // The modifiers were the viewer's too.
    release_keys();
    if (symbol == XKB_KEY_f)
        hooks_.toggle_fullscreen();
    else
        set_grab(!grabbed_);
    return true;
}

void Input::key(uint32_t evdev, bool pressed) {
    if (pressed)
        physical_.insert(evdev);
    else
        physical_.erase(evdev);
    if (shortcut(evdev, pressed)) return;
    const uint32_t number = qemu_key(evdev);
    if (!guest_ || number == 0) return;
    // A key that the guest has not seen go down is not one it can see go up.
    if (pressed ? !keys_.insert(evdev).second : keys_.erase(evdev) == 0) return;
    guest_->key(number, pressed);
}

void Input::release_keys() {
    for (const uint32_t evdev : std::exchange(keys_, {}))
        if (guest_) guest_->key(qemu_key(evdev), false);
}

void Input::release_buttons() {
    for (const uint32_t evdev : std::exchange(buttons_, {}))
        if (guest_) guest_->button(static_cast<uint32_t>(qemu_button(evdev)), false);
}

void Input::keyboard_left() {
    physical_.clear();
    release_keys();
    set_grab(false);
}

Input::Point Input::in_picture(double x, double y) const {
    const Size surface = hooks_.surface();
    const Size picture = hooks_.picture();
    if (surface.width < 1 || surface.height < 1 || picture.width < 1 || picture.height < 1)
        return {};
    return {std::clamp(std::floor(x * picture.width / surface.width), 0.0, picture.width - 1),
            std::clamp(std::floor(y * picture.height / surface.height), 0.0, picture.height - 1)};
}

// Without locks the guest's mouse follows the host's pointer as far as the window reaches.
void Input::pointer_at(double x, double y) {
    const Point point = in_picture(x, y);
    if (absolute_) {
        position_ = point;
    } else if (!hooks_.can_lock()) {
        if (last_) pointer_by(point.x - last_->x, point.y - last_->y);
        last_ = point;
    }
}

void Input::pointer_by(double dx, double dy) {
    if (absolute_) return;
    distance_.x += dx;
    distance_.y += dy;
}

// While QEMU does not read, the newest position is enough, and distances add up.
void Input::flush_motion() {
    if (!guest_ || guest_->congested()) return;
    if (const auto position = std::exchange(position_, {}))
        guest_->pointer_at(static_cast<uint32_t>(position->x), static_cast<uint32_t>(position->y));
    const auto dx = static_cast<int32_t>(std::clamp(std::trunc(distance_.x), -32767.0, 32767.0));
    const auto dy = static_cast<int32_t>(std::clamp(std::trunc(distance_.y), -32767.0, 32767.0));
    if (dx == 0 && dy == 0) return;
    // Parts of a pixel are kept: slow hands would move nothing else.
    distance_.x -= dx;
    distance_.y -= dy;
    guest_->pointer_by(dx, dy);
}

void Input::pointer_left() {
    last_.reset();
    release_buttons();
}

void Input::button(uint32_t evdev, bool pressed) {
    const int number = qemu_button(evdev);
    if (!guest_ || number < 0) return;
    if (pressed && !absolute_ && !grabbed_ && hooks_.can_lock()) {
        set_grab(true);  // this click was for the window
        return;
    }
    if (pressed ? !buttons_.insert(evdev).second : buttons_.erase(evdev) == 0) return;
    flush_motion();
    guest_->button(static_cast<uint32_t>(number), pressed);
}

void Input::wheel(bool horizontal, int32_t parts) {
    if (!guest_) return;
    int32_t& left = wheel_[horizontal];
    if ((left < 0) != (parts < 0)) left = 0;  // turned back
    left += parts;
    flush_motion();
    // 120 parts are a step (wl_pointer.axis_value120). More than a few at once are a mistake.
    for (int steps = 0; std::abs(left) >= 120; ++steps) {
        const uint32_t button = kWheelButtons[horizontal][left > 0];
        if (steps < 20) {
            guest_->button(button, true);
            guest_->button(button, false);
        }
        left -= left > 0 ? 120 : -120;
    }
}

void Input::touch(TouchKind kind, int32_t id, const Point& point) {
    const auto slot = slots_.find(id);
    if (!guest_ || slot == slots_.end()) return;
    guest_->touch(kind, static_cast<uint64_t>(slot->second), point.x, point.y);
}

void Input::touch_down(int32_t id, double x, double y) {
    int slot = 0;
    while (slot < kMaxSlots &&
           std::ranges::any_of(slots_, [slot](const auto& used) { return used.second == slot; }))
        ++slot;
    if (slot == kMaxSlots || slots_.contains(id)) return;
    slots_[id] = slot;
    touches_[id] = in_picture(x, y);
    touch(TouchKind::kBegin, id, touches_[id]);
}

void Input::touch_moved(int32_t id, double x, double y) {
    if (!slots_.contains(id)) return;
    touches_[id] = in_picture(x, y);
    touch(TouchKind::kUpdate, id, touches_[id]);
}

void Input::touch_up(int32_t id) {
    if (!slots_.contains(id)) return;
    touch(TouchKind::kEnd, id, touches_[id]);
    slots_.erase(id);
    touches_.erase(id);
}

void Input::touches_cancelled() {
    for (const auto& [id, point] : touches_) touch(TouchKind::kCancel, id, point);
    slots_.clear();
    touches_.clear();
}

void Input::input_frame() {
    flush_motion();
}

}  // namespace viaduct::input
