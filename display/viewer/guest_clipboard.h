// GuestClipboard: the guest's clipboard, as QEMU shares it over D-Bus.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "display/viewer/bus.h"

namespace viaduct::viewer {

/// In which directions texts may go. Neither, unless the user says so: the guest could read what is
/// copied on the host, or replace what is pasted there.
struct ClipboardUse {
    bool to_guest = false;
    bool from_guest = false;
    bool any() const { return to_guest || from_guest; }
};

/// org.qemu.Display1.Clipboard on both ends of a connection: texts of the selection "clipboard".
/// Of two that are copied at once the one with the higher serial wins, ours if they are equal.
/// QEMU's main loop waits for a text that the guest pastes; so that text is at hand before the
/// guest hears of it. Not thread-safe; nothing waits.
class GuestClipboard {
  public:
    /// Text that the guest copied; nothing: it has none any more.
    using Copied = std::function<void(std::optional<std::string> text)>;
    /// Longer texts are not taken from the guest.
    static constexpr size_t kMostBytes = size_t{1} << 20;

    /// `bus` is borrowed and must outlive it; `name` is QEMU's, empty without a bus daemon.
    GuestClipboard(Bus& bus, std::string name, ClipboardUse use, Copied copied);
    GuestClipboard(const GuestClipboard&) = delete;
    GuestClipboard& operator=(const GuestClipboard&) = delete;

    /// The guest may paste this text; nothing: there is none.
    void offer(std::optional<std::string> text);

  private:
    friend struct ClipboardMethods;
    enum class Owner { kNobody, kHost, kGuest };

    void start();
    bool is_qemu(sd_bus_message* message) const;
    void restart();
    void grab();
    void request();
    void received(std::optional<std::string> text);
    const char* destination() const { return name_.empty() ? nullptr : name_.c_str(); }

    Bus& bus_;
    const std::string name_;
    const ClipboardUse use_;
    const Copied copied_;
    bool registered_ = false;
    std::string peer_;  // QEMU's unique name on the bus
    Owner owner_ = Owner::kNobody;
    uint32_t serial_ = 0;
    std::optional<std::string> text_;  // the host's
    bool changed_ = false;             // the guest's, while a request is under way
    BusSlot object_;
    BusSlot registering_;
    BusSlot request_;
};

}  // namespace viaduct::viewer
