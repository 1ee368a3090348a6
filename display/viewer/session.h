// Session: a connection to one QEMU, and the consoles that it has.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "display/viewer/bus.h"
#include "display/viewer/console.h"
#include "display/viewer/guest_clipboard.h"
#include "display/viewer/listener.h"

namespace viaduct::viewer {

/// Shows the consoles of a session.
class SessionHost {
  public:
    virtual ~SessionHost() = default;
    /// Null: the console is not wanted. Otherwise the user stays until drop(), or while the session
    /// lives.
    virtual ConsoleUser* user_of(uint32_t console, const ConsoleInfo& info,
                                 const std::string& vm) = 0;
    /// All consoles are known; `wanted` of them have users.
    virtual void consoles_known(size_t wanted) = 0;
    /// Only if the clipboard is used in this direction.
    virtual void guest_copied(std::optional<std::string> /*text*/) {}
};

/// QEMU as an owner of the name org.qemu on a bus, or as a peer. Ends with it. Nothing waits.
class Session {
  public:
    /// `host` and `watches` are borrowed. `has_daemon`: the connection is one to a bus daemon.
    Session(std::unique_ptr<Bus> bus, bool has_daemon, ClipboardUse clipboard,
            wayland::Watches& watches, SessionHost& host);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    /// Handles what has come. Fails once QEMU has gone, or cannot be used.
    Status turn();
    int64_t deadline() const;
    /// Text of the host for the guest to paste; nothing: there is none.
    void host_copied(std::optional<std::string> text);
    /// The user is about to go; QEMU sends its console's pictures no more.
    void drop(ConsoleUser& user);

  private:
    friend struct SessionReplies;
    struct Link {
        std::unique_ptr<Console> console;
        std::unique_ptr<Listener> listener;
        ConsoleUser* user = nullptr;
    };

    void look();
    void add_console(uint32_t id);
    void console_found(uint32_t id, const Result<ConsoleInfo>& info);
    void register_listener(Link& link);
    void lose(Error error);

    const std::string name_;  // of QEMU on the bus; empty: there are no names
    wayland::Watches& watches_;
    SessionHost& host_;
    std::unique_ptr<Bus> bus_;
    std::vector<BusSlot> slots_;
    std::unique_ptr<GuestClipboard> clipboard_;
    std::string vm_;
    std::map<uint32_t, Link> links_;
    size_t unknown_ = 0;  // consoles that have not answered
    std::optional<Error> lost_;
};

}  // namespace viaduct::viewer
