// GuestInput: input devices of a guest, as QEMU takes events for them.
#pragma once

#include <cstdint>

namespace viaduct::input {

/// QEMU's ui/dbus-display1.xml, "Kind values".
enum class TouchKind : uint32_t { kBegin = 0, kUpdate = 1, kEnd = 2, kCancel = 3 };

/// Positions are in pixels of the guest's picture. Nothing here waits.
class GuestInput {
  public:
    virtual ~GuestInput() = default;
    virtual void key(uint32_t qemu_key, bool pressed) = 0;
    virtual void button(uint32_t qemu_button, bool pressed) = 0;
    /// Of an absolute pointer, such as a tablet.
    virtual void pointer_at(uint32_t x, uint32_t y) = 0;
    /// Of a relative one, such as a mouse.
    virtual void pointer_by(int32_t dx, int32_t dy) = 0;
    virtual void touch(TouchKind kind, uint64_t slot, double x, double y) = 0;
    /// True: QEMU has not read what was sent before. Motion should be left out.
    virtual bool congested() const = 0;
};

}  // namespace viaduct::input
