#include "display/wayland/connection.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>

namespace viaduct::wayland {

namespace {

// wayland-client.h, wl_display_connect(): where a display's socket is.
Result<std::string> socket_path(const char* name) {
    if (!name) name = std::getenv("WAYLAND_DISPLAY");
    const std::string file = name ? name : "wayland-0";
    if (file.starts_with('/')) return file;
    const char* folder = std::getenv("XDG_RUNTIME_DIR");
    if (!folder) return fail(ENOENT, "XDG_RUNTIME_DIR is not set, so display {} is unknown", file);
    return std::string(folder) + "/" + file;
}

}  // namespace

// Not by wl_display_connect(), which waits for a compositor whose queue is full.
Result<std::unique_ptr<Connection>> Connection::open(const char* name) {
    const auto path = socket_path(name);
    if (!path) return tl::unexpected(path.error());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path->size() >= sizeof(address.sun_path))
        return fail(ENAMETOOLONG, "{} is too long for a socket's path", *path);
    std::memcpy(address.sun_path, path->c_str(), path->size() + 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail(errno, "socket() failed: {}", std::strerror(errno));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return fail(errno, "cannot connect to the compositor at {}: {}", *path,
                    std::strerror(errno));
    return adopt(std::move(socket));
}

Result<std::unique_ptr<Connection>> Connection::adopt(UniqueFd socket) {
    wl_display* display = wl_display_connect_to_fd(socket.release());  // closes it on failure too
    if (!display) return fail(errno, "wl_display_connect_to_fd() failed: {}", std::strerror(errno));
    return std::unique_ptr<Connection>(new Connection(display));
}

tl::unexpected<Error> Connection::lost() const {
    const int code = wl_display_get_error(display_.get());
    if (code != EPROTO)
        return fail(code ? code : EPIPE, "the connection to the compositor is lost: {}",
                    std::strerror(code ? code : EPIPE));
    const std::string_view interface = interface_at_fault();
    return fail(EPROTO, "the compositor closed the connection with error {} of {}",
                wl_display_get_protocol_error(display_.get(), nullptr, nullptr),
                interface.empty() ? "an unknown interface" : interface);
}

std::string_view Connection::interface_at_fault() const {
    if (wl_display_get_error(display_.get()) != EPROTO) return {};
    const wl_interface* interface = nullptr;
    uint32_t id = 0;
    wl_display_get_protocol_error(display_.get(), &interface, &id);
    return interface ? interface->name : std::string_view();
}

Status Connection::dispatch() {
    while (wl_display_prepare_read(display_.get()) != 0)
        if (wl_display_dispatch_pending(display_.get()) < 0) return lost();
    if (wl_display_read_events(display_.get()) < 0 && errno != EAGAIN) return lost();
    if (wl_display_dispatch_pending(display_.get()) < 0) return lost();
    return {};
}

Result<bool> Connection::flush() {
    if (wl_display_flush(display_.get()) >= 0) return true;
    if (errno == EAGAIN) return false;
    // The reason may lie unread in the socket: dispatch() finds it.
    if (errno == EPIPE) return true;
    return lost();
}

}  // namespace viaduct::wayland
