// A connection to QEMU's D-Bus display without a bus, by way of its monitor.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "base/unique_fd.h"
#include "display/viewer/bus.h"
#include "display/wayland/watches.h"

namespace viaduct::viewer {

/// Hands QEMU one end of a new socket through its QMP monitor (a UNIX socket at `path`), for
/// `-display dbus,p2p=on`. Nothing waits. Not thread-safe. Ends before `watches`.
class QmpHandshake {
  public:
    /// All of QEMU's answers have this long.
    static constexpr std::chrono::milliseconds kPatience{2000};

    /// Connects. `watches` (borrowed) have something to do whenever turn() has.
    static Result<std::unique_ptr<QmpHandshake>> begin(
        const std::string& path, wayland::Watches& watches,
        std::chrono::milliseconds patience = kPatience);
    ~QmpHandshake();
    QmpHandshake(const QmpHandshake&) = delete;
    QmpHandshake& operator=(const QmpHandshake&) = delete;

    /// Handles what has come. The other end of the socket, once QEMU has its own; until then
    /// nothing. Errors are QEMU's own sentence where it has one; ETIMEDOUT: it was silent.
    Result<std::optional<UniqueFd>> turn();

  private:
    enum class Step { kGreeting, kCapabilities, kGetFd, kAddClient };

    QmpHandshake(UniqueFd monitor, UniqueFd timer, wayland::Watches& watches);
    Status watch();
    Status receive();
    Result<std::optional<std::string>> next_line();
    Result<bool> handle(const std::string& text);
    Status send(std::string command, int fd = -1);
    Status send_socket();

    const UniqueFd monitor_;
    const UniqueFd timer_;
    wayland::Watches& watches_;
    wayland::Watches::Id watched_[2] = {};
    Step step_ = Step::kGreeting;  // whose answer is awaited
    std::string text_;             // that has come and was not handled
    UniqueFd ours_;
};

/// A connection to QEMU, or the way to one.
using Connecting = std::variant<std::unique_ptr<Bus>, std::unique_ptr<QmpHandshake>>;

/// Goes on with `connecting`. Null: it is under way; call this again when `watches` have something
/// to do.
Result<std::unique_ptr<Bus>> advance(Connecting& connecting, wayland::Watches& watches);

}  // namespace viaduct::viewer
