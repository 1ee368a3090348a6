// Key numbers: the kernel's, which Wayland has too, to QEMU's.
#pragma once

#include <cstdint>

namespace viaduct::input {

/// QEMU's key number of a key of linux/input-event-codes.h. 0: it has none.
uint32_t qemu_key(uint32_t evdev);
/// QEMU's button number of a BTN_* of linux/input-event-codes.h. -1: it has none.
int qemu_button(uint32_t evdev);

}  // namespace viaduct::input
