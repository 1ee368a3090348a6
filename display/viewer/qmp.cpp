#include "display/viewer/qmp.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace viaduct::viewer {

namespace {

using nlohmann::json;

constexpr time_t kPatience = 2;  // seconds
// QMP's answers to these commands have some hundred bytes; events between them are as short.
constexpr size_t kMaxLine = 1 << 20;

Result<UniqueFd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(ENAMETOOLONG, "\"{}\" cannot be a socket's path", printable(path));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail(errno, "socket() failed: {}", std::strerror(errno));
    const timeval patience{kPatience, 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return fail(errno, "cannot connect to QEMU's monitor at {}: {}", printable(path),
                    std::strerror(errno));
    return socket;
}

/// Lines of JSON, one command at a time.
class Monitor {
  public:
    explicit Monitor(UniqueFd socket) : socket_(std::move(socket)) {}

    Result<json> read() {
        for (;;) {
            if (const size_t end = text_.find('\n'); end != std::string::npos) {
                auto line = json::parse(text_.substr(0, end), nullptr, false);
                text_.erase(0, end + 1);
                if (!line.is_object()) return fail(EPROTO, "the socket is not a QMP monitor");
                return line;
            }
            char part[4096];
            const ssize_t got = ::recv(socket_.get(), part, sizeof(part), 0);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0 && errno == EAGAIN)
                return fail(ETIMEDOUT,
                            "QEMU's monitor did not answer; another program may be using it");
            if (got <= 0) return fail(EPIPE, "QEMU's monitor closed the connection");
            text_.append(part, static_cast<size_t>(got));
            if (text_.size() > kMaxLine) return fail(EPROTO, "the socket is not a QMP monitor");
        }
    }

    /// Sends a command, with a descriptor (-1: none), and reads its answer. EIO: an error.
    Status run(const json& command, int fd = -1) {
        const std::string text = command.dump() + "\n";
        iovec bytes{const_cast<char*>(text.data()), text.size()};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        if (fd >= 0) {
            message.msg_control = control;
            message.msg_controllen = sizeof(control);
            cmsghdr* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(sizeof(int));
            std::memcpy(CMSG_DATA(header), &fd, sizeof(int));
        }
        if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
            return fail(EPIPE, "QEMU's monitor stopped reading commands");
        for (;;) {
            auto answer = read();
            if (!answer) return tl::unexpected(answer.error());
            if (answer->contains("return")) return {};
            if (const auto error = answer->find("error"); error != answer->end())
                return fail(EIO, "QEMU: {}", describe(*error));
        }
    }

  private:
    static std::string describe(const json& error) {
        if (!error.is_object() || !error.contains("desc") || !error["desc"].is_string())
            return "an error without a description";
        return sanitise(error["desc"].get<std::string>());
    }

    UniqueFd socket_;
    std::string text_;
};

}  // namespace

Result<UniqueFd> connect_through_qmp(const std::string& path) {
    auto socket = connect_to(path);
    if (!socket) return tl::unexpected(socket.error());
    Monitor monitor(*std::move(socket));
    if (const auto greeting = monitor.read(); !greeting) return tl::unexpected(greeting.error());
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(errno, "socketpair() failed: {}", std::strerror(errno));
    UniqueFd ours(ends[0]);
    const UniqueFd theirs(ends[1]);
    // A descriptor of the same name that an earlier run left is replaced.
    const json get = {{"execute", "getfd"}, {"arguments", {{"fdname", "viaduct-view"}}}};
    const json add = {{"execute", "add_client"},
                      {"arguments", {{"protocol", "@dbus-display"}, {"fdname", "viaduct-view"}}}};
    if (const auto status = monitor.run({{"execute", "qmp_capabilities"}}); !status)
        return tl::unexpected(status.error());
    if (const auto status = monitor.run(get, theirs.get()); !status)
        return tl::unexpected(status.error());
    if (const auto status = monitor.run(add); !status)
        return fail(status.error().code, "{} (it needs -display dbus,p2p=on)",
                    status.error().message);
    return ours;
}

}  // namespace viaduct::viewer
