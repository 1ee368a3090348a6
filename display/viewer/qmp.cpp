#include "display/viewer/qmp.h"

#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/log.h"

namespace viaduct::viewer {

namespace {

using nlohmann::json;

// QMP's answers to these commands have some hundred bytes; events between them are as short.
constexpr size_t kMaxLine = 1 << 20;

Result<UniqueFd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(ENAMETOOLONG, "\"{}\" cannot be a socket's path", printable(path));
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return fail(errno, "socket() failed: {}", std::strerror(errno));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
        return fail(errno, "cannot connect to QEMU's monitor at {}: {}", printable(path),
                    std::strerror(errno));
    return socket;
}

Result<UniqueFd> start_timer(std::chrono::milliseconds time) {
    UniqueFd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    itimerspec once{};
    once.it_value = {time / std::chrono::seconds(1), time.count() % 1000 * 1'000'000};
    if (!timer || ::timerfd_settime(timer.get(), 0, &once, nullptr) != 0)
        return fail(errno, "cannot make a timer: {}", std::strerror(errno));
    return timer;
}

bool has_expired(const UniqueFd& timer) {
    uint64_t times = 0;
    return ::read(timer.get(), &times, sizeof(times)) == sizeof(times);
}

std::string describe(const json& error) {
    if (!error.is_object() || !error.contains("desc") || !error["desc"].is_string())
        return "an error without a description";
    return sanitise(error["desc"].get<std::string>());
}

Error not_qmp() {
    return {EPROTO, "QEMU's monitor does not speak QMP there"};
}

}  // namespace

Result<std::unique_ptr<QmpHandshake>> QmpHandshake::begin(const std::string& path,
                                                          wayland::Watches& watches,
                                                          std::chrono::milliseconds patience) {
    auto monitor = connect_to(path);
    if (!monitor) return tl::unexpected(monitor.error());
    auto timer = start_timer(patience);
    if (!timer) return tl::unexpected(timer.error());
    std::unique_ptr<QmpHandshake> made(
        new QmpHandshake(*std::move(monitor), *std::move(timer), watches));
    if (auto status = made->watch(); !status) return tl::unexpected(status.error());
    return made;
}

QmpHandshake::QmpHandshake(UniqueFd monitor, UniqueFd timer, wayland::Watches& watches)
    : monitor_(std::move(monitor)), timer_(std::move(timer)), watches_(watches) {}

QmpHandshake::~QmpHandshake() {
    for (const auto id : watched_)
        if (id) watches_.remove(id);
}

Status QmpHandshake::watch() {
    watched_[0] = watches_.add(monitor_.get(), [] {});
    watched_[1] = watches_.add(timer_.get(), [] {});
    if (!watched_[0] || !watched_[1])
        return fail(EMFILE, "no descriptor is left to watch QEMU's monitor with");
    return {};
}

Result<std::optional<UniqueFd>> QmpHandshake::turn() {
    const Status received = receive();
    for (;;) {
        const auto line = next_line();
        if (!line) return tl::unexpected(line.error());
        if (!*line) break;
        const auto done = handle(**line);
        if (!done) return tl::unexpected(done.error());
        if (*done) return std::move(ours_);
    }
    if (!received) return tl::unexpected(received.error());
    if (has_expired(timer_))
        return fail(ETIMEDOUT, "QEMU's monitor does not answer: another program may be using it");
    return std::nullopt;
}

Status QmpHandshake::receive() {
    char part[4096];
    while (text_.size() <= kMaxLine) {
        const ssize_t got = ::recv(monitor_.get(), part, sizeof(part), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) return {};
        if (got <= 0) return fail(EPIPE, "QEMU's monitor ended the connection");
        text_.append(part, static_cast<size_t>(got));
    }
    return {};
}

Result<std::optional<std::string>> QmpHandshake::next_line() {
    const size_t end = text_.find('\n');
    if (end == std::string::npos && text_.size() > kMaxLine) return tl::unexpected(not_qmp());
    if (end == std::string::npos) return std::nullopt;
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
}

// True once the last answer has come. Events come between answers.
Result<bool> QmpHandshake::handle(const std::string& text) {
    const json line = json::parse(text, nullptr, false);
    if (!line.is_object()) return tl::unexpected(not_qmp());
    if (const auto error = line.find("error"); error != line.end())
        return fail(EIO, "QEMU: {}{}", describe(*error),
                    step_ == Step::kAddClient ? " (it needs -display dbus,p2p=on)" : "");
    if (step_ != Step::kGreeting && !line.contains("return")) return false;
    Status sent;
    switch (step_) {
        case Step::kGreeting:
            sent = send(R"({"execute": "qmp_capabilities"})");
            break;
        case Step::kCapabilities:
            sent = send_socket();
            break;
        case Step::kGetFd:
            sent = send(R"({"execute": "add_client", "arguments": )"
                        R"({"protocol": "@dbus-display", "fdname": "viaduct-view"}})");
            break;
        case Step::kAddClient:
            return true;
    }
    if (!sent) return tl::unexpected(sent.error());
    step_ = static_cast<Step>(static_cast<int>(step_) + 1);
    return false;
}

// A descriptor of the same name that an earlier run left is replaced.
Status QmpHandshake::send_socket() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail(errno, "socketpair() failed: {}", std::strerror(errno));
    ours_ = UniqueFd(ends[0]);
    const UniqueFd theirs(ends[1]);
    return send(R"({"execute": "getfd", "arguments": {"fdname": "viaduct-view"}})", theirs.get());
}

/// With a descriptor (-1: none). One command is under way at a time: there is room for it.
Status QmpHandshake::send(std::string command, int fd) {
    command += '\n';
    iovec bytes{command.data(), command.size()};
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
    if (::sendmsg(monitor_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(command.size()))
        return fail(EPIPE, "QEMU's monitor does not read commands");
    return {};
}

Result<std::unique_ptr<Bus>> advance(Connecting& connecting, wayland::Watches& watches) {
    auto* const handshake = std::get_if<std::unique_ptr<QmpHandshake>>(&connecting);
    if (!handshake) return std::get<std::unique_ptr<Bus>>(std::move(connecting));
    auto socket = (*handshake)->turn();
    if (!socket) return tl::unexpected(socket.error());
    if (!*socket) return nullptr;
    return Bus::adopt(**std::move(socket), watches);
}

}  // namespace viaduct::viewer
