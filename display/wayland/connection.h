// Connection: the socket to a compositor, never waited for.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

/// Owns a wl_display. Not thread-safe; objects of the connection must go before it.
class Connection {
  public:
    /// Connects to WAYLAND_DISPLAY's socket, or to `name` if it is not null: a file in
    /// XDG_RUNTIME_DIR, or a path. EAGAIN: the compositor does not accept connections.
    static Result<std::unique_ptr<Connection>> open(const char* name);
    /// Speaks over a connected socket.
    static Result<std::unique_ptr<Connection>> adopt(UniqueFd socket);

    wl_display* display() const { return display_.get(); }
    int fd() const { return wl_display_get_fd(display_.get()); }
    /// Reads and handles what has come. Fails once the connection is lost: nothing comes any more.
    Status dispatch();
    /// Of the protocol error that has ended the connection, as far as it is known; empty: none.
    std::string_view interface_at_fault() const;
    /// Sends what waits. False: the socket is full; try again when it takes more.
    Result<bool> flush();

  private:
    struct Disconnect {
        void operator()(wl_display* display) const { wl_display_disconnect(display); }
    };

    explicit Connection(wl_display* display) : display_(display) {}
    tl::unexpected<Error> lost() const;

    std::unique_ptr<wl_display, Disconnect> display_;
};

}  // namespace viaduct::wayland
