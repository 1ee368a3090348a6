#include "display/viewer/bus.h"

#include <poll.h>

#include <cstdlib>
#include <cstring>

#include "base/log.h"

namespace viaduct::viewer {

namespace {

Result<sd_bus*> make() {
    sd_bus* bus = nullptr;
    if (const int error = sd_bus_new(&bus); error < 0)
        return fail(-error, "sd_bus_new() failed: {}", std::strerror(-error));
    sd_bus_negotiate_fds(bus, 1);
    return bus;
}

// dbus-daemon(1): where the session's bus is, if the variable is not set.
std::string session_address() {
    if (const char* address = std::getenv("DBUS_SESSION_BUS_ADDRESS")) return address;
    const char* folder = std::getenv("XDG_RUNTIME_DIR");
    return folder ? "unix:path=" + std::string(folder) + "/bus" : "";
}

}  // namespace

Result<std::unique_ptr<Bus>> Bus::open(const std::string& address, wayland::Watches& watches) {
    const std::string where = address.empty() ? session_address() : address;
    if (where.empty()) return fail(ENOENT, "no session bus; set DBUS_SESSION_BUS_ADDRESS");
    const auto made = make();
    if (!made) return tl::unexpected(made.error());
    std::unique_ptr<Bus> bus(new Bus(*made, watches));
    // sd-bus takes any text, and then cannot connect.
    if (where.find(':') == where.npos)
        return fail(EINVAL, "\"{}\" is not a D-Bus address such as unix:path=/run/user/1000/bus",
                    printable(where));
    if (const int error = sd_bus_set_address(*made, where.c_str()); error < 0)
        return fail(-error, "sd_bus_set_address({}) failed: {}", printable(where),
                    std::strerror(-error));
    sd_bus_set_bus_client(*made, 1);
    if (const auto status = bus->start(); !status)
        return fail(status.error().code, "cannot connect to the bus at {}: {}", printable(where),
                    status.error().message);
    return bus;
}

Result<std::unique_ptr<Bus>> Bus::adopt(UniqueFd socket, wayland::Watches& watches) {
    const auto made = make();
    if (!made) return tl::unexpected(made.error());
    std::unique_ptr<Bus> bus(new Bus(*made, watches));
    const int fd = socket.release();
    if (const int error = sd_bus_set_fd(*made, fd, fd); error < 0) {
        const UniqueFd ours(fd);
        return fail(-error, "sd_bus_set_fd({}) failed: {}", fd, std::strerror(-error));
    }
    if (const auto status = bus->start(); !status) return tl::unexpected(status.error());
    return bus;
}

Status Bus::start() {
    if (const int error = sd_bus_start(get()); error < 0)
        return fail(-error, "{}", std::strerror(-error));
    const int fd = sd_bus_get_fd(get());
    if (fd < 0) return fail(-fd, "{}", std::strerror(-fd));
    watch_ = watches_.add(fd, [] {});
    if (!watch_) return fail(EMFILE, "no descriptor left to watch a connection");
    return {};
}

Bus::~Bus() {
    if (watch_) watches_.remove(watch_);
}

Status Bus::process() {
    for (;;) {
        const int progress = sd_bus_process(get(), nullptr);
        if (progress < 0) return fail(-progress, "{}", std::strerror(-progress));
        if (sd_bus_is_open(get()) <= 0) return fail(ENOTCONN, "the connection was closed");
        if (progress == 0) break;
    }
    watches_.want_to_write(watch_, congested());
    return {};
}

bool Bus::congested() const {
    const int events = sd_bus_get_events(get());
    return events > 0 && (events & POLLOUT);
}

int64_t Bus::deadline() const {
    uint64_t microseconds = UINT64_MAX;
    if (sd_bus_get_timeout(get(), &microseconds) <= 0) return INT64_MAX;
    return microseconds > INT64_MAX / 1000 ? INT64_MAX : static_cast<int64_t>(microseconds) * 1000;
}

std::string error_text(const sd_bus_error& error) {
    return fmt::format("{}: {}", error.name ? sanitise(error.name) : "an error",
                       error.message ? sanitise(error.message) : "no message");
}

}  // namespace viaduct::viewer
