// Bus: a D-Bus connection that a loop drives, never waited for.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "display/wayland/watches.h"

namespace viaduct::viewer {

struct UnrefBus {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
};
/// A registered object, match or call; ends with its owner.
using BusSlot = std::unique_ptr<sd_bus_slot, UnrefBus>;
using BusMessage = std::unique_ptr<sd_bus_message, UnrefBus>;

/// Owns a connection. Not thread-safe. Slots must go before it.
class Bus {
  public:
    /// Connects to a bus daemon: the session's, or the one at a D-Bus address.
    static Result<std::unique_ptr<Bus>> open(const std::string& address, wayland::Watches& watches);
    /// Speaks over a connected socket, as the peer that authenticates itself. Without a daemon
    /// there are no names: destinations are null.
    static Result<std::unique_ptr<Bus>> adopt(UniqueFd socket, wayland::Watches& watches);
    ~Bus();
    Bus(const Bus&) = delete;
    Bus& operator=(const Bus&) = delete;

    sd_bus* get() const { return bus_.get(); }
    /// Handles what has come and sends what waits. Fails once the connection is lost.
    Status process();
    /// True while messages wait for the peer to read: what can be left out should be.
    bool congested() const;
    /// When process() is to be called though nothing has come, in ns of CLOCK_MONOTONIC; INT64_MAX:
    /// never.
    int64_t deadline() const;

  private:
    Bus(sd_bus* bus, wayland::Watches& watches) : bus_(bus), watches_(watches) {}
    Status start();

    std::unique_ptr<sd_bus, UnrefBus> bus_;
    wayland::Watches& watches_;
    wayland::Watches::Id watch_ = 0;
};

/// "org.qemu.Display1.Failed: text" of an error reply.
std::string error_text(const sd_bus_error& error);

}  // namespace viaduct::viewer
