// Input: a window's input events, as the guest is to have them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/log.h"
#include "display/input/guest_input.h"
#include "display/input/keymap.h"
#include "display/wayland/seat.h"

namespace viaduct::input {

/// Ctrl+Alt+G takes the pointer and the compositor's shortcuts for the guest, and gives them back;
/// with a guest whose pointer is relative a click into the window takes them too. Ctrl+Alt+F makes
/// the window full screen, or ends that. All other keys are the guest's.
class Input : public wayland::SeatListener {
  public:
    struct Size {
        double width = 0;
        double height = 0;
    };
    struct Hooks {
        std::function<void(bool)> grab;  // see Seat::grab()
        std::function<bool()> can_lock;
        std::function<void()> toggle_fullscreen;
        std::function<Size()> surface;  // in the surface's coordinates
        std::function<Size()> picture;  // in pixels of the guest
    };
    explicit Input(Hooks hooks) : hooks_(std::move(hooks)) {}

    /// Where events go (borrowed); null: nowhere. Keys and buttons that are down are forgotten.
    void connect(GuestInput* guest);
    void set_absolute(bool absolute);
    bool grabbed() const { return grabbed_; }
    /// A window's title; with the way out, while the pointer is grabbed.
    std::string title(const std::string& plain) const;
    void set_grab(bool wanted);

    void keymap(int fd, uint32_t size) override;
    void key(uint32_t evdev, bool pressed) override;
    void keyboard_left() override;
    void pointer_at(double x, double y) override;
    void pointer_by(double dx, double dy) override;
    void pointer_left() override;
    void button(uint32_t evdev, bool pressed) override;
    void wheel(bool horizontal, int32_t parts) override;
    void touch_down(int32_t id, double x, double y) override;
    void touch_moved(int32_t id, double x, double y) override;
    void touch_up(int32_t id) override;
    void touches_cancelled() override;
    void input_frame() override;

  private:
    struct Point {
        double x = 0;
        double y = 0;
    };
    bool shortcut(uint32_t evdev, bool pressed);
    Point in_picture(double x, double y) const;
    void flush_motion();
    void release_keys();
    void release_buttons();
    void touch(TouchKind kind, int32_t id, const Point& point);

    Hooks hooks_;
    GuestInput* guest_ = nullptr;
    Keymap keymap_;
    LogLimiter log_;
    bool absolute_ = true;
    bool grabbed_ = false;
    std::set<uint32_t> physical_;  // keys that are down on the keyboard
    std::set<uint32_t> keys_;      // evdev; those that are down in the guest
    std::set<uint32_t> buttons_;   // evdev
    // Motion waits for what else belongs to it, or for QEMU to read what it was sent.
    std::optional<Point> position_;
    Point distance_;
    std::optional<Point> last_;     // where the pointer was, for a mouse without a lock
    int32_t wheel_[2] = {};         // parts of a step that are left
    std::map<int32_t, int> slots_;  // of the guest's touch screen, by Wayland's id
    std::map<int32_t, Point> touches_;
};

}  // namespace viaduct::input
