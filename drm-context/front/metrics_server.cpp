#include "drm-context/front/metrics_server.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace viaduct {

namespace {

constexpr size_t kMaxClients = 8;
constexpr size_t kMaxRequest = 4096;  // bytes; a GET has a few hundred

Status watch(int epoll, int fd, uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll, operation, fd, &event) != 0)
        return fail(errno, "epoll: {}", std::strerror(errno));
    return {};
}

Result<sockaddr_un> address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(ENAMETOOLONG, "a socket's path has 1 to {} bytes, not {}",
                    sizeof(address.sun_path) - 1, path.size());
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

int call(int (*function)(int, const sockaddr*, socklen_t), int fd, const sockaddr_un& address) {
    return function(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

UniqueFd new_socket() {
    return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

// A VMM that was killed leaves its socket behind.
bool is_abandoned(const sockaddr_un& address) {
    const UniqueFd probe = new_socket();
    return probe && call(::connect, probe.get(), address) != 0 && errno == ECONNREFUSED;
}

std::string http(std::string_view status, std::string_view body) {
    return fmt::format(
        "HTTP/1.0 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
        status, body.size(), body);
}

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::listen(const std::string& path,
                                                             std::function<std::string()> text) {
    std::unique_ptr<MetricsServer> server(new MetricsServer(path, std::move(text)));
    if (auto status = server->open(); !status) return tl::unexpected(status.error());
    return server;
}

Status MetricsServer::open() {
    const auto address = address_of(path_);
    if (!address) return tl::unexpected(address.error());
    listener_ = new_socket();
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!listener_ || !epoll_) return fail(errno, "no descriptor left: {}", std::strerror(errno));
    // There already, or not ours to make: binding will tell.
    ::mkdir(path_.substr(0, path_.rfind('/')).c_str(), 0755);
    int error = call(::bind, listener_.get(), *address) == 0 ? 0 : errno;
    if (error == EADDRINUSE && is_abandoned(*address) && ::unlink(path_.c_str()) == 0)
        error = call(::bind, listener_.get(), *address) == 0 ? 0 : errno;
    if (error != 0) return fail(error, "cannot bind {}: {}", path_, std::strerror(error));
    struct stat status {};
    if (::stat(path_.c_str(), &status) == 0) inode_ = status.st_ino;
    // Figures tell what a guest does: for its user and group only.
    if (::chmod(path_.c_str(), 0660) != 0 || ::listen(listener_.get(), kMaxClients) != 0)
        return fail(errno, "cannot listen at {}: {}", path_, std::strerror(errno));
    return watch(epoll_.get(), listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
}

MetricsServer::~MetricsServer() {
    struct stat status {};
    if (inode_ != 0 && ::stat(path_.c_str(), &status) == 0 && status.st_ino == inode_)
        ::unlink(path_.c_str());
}

void MetricsServer::serve() {
    epoll_event events[kMaxClients + 1];
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), 0);
    bool accept = false;
    for (int i = 0; i < count; ++i) {
        if (events[i].data.fd == listener_.get()) {
            accept = true;
            continue;
        }
        const auto client = std::ranges::find_if(
            clients_, [&](const Client& c) { return c.socket.get() == events[i].data.fd; });
        if (client != clients_.end()) serve_client(client);
    }
    if (accept) accept_all();  // last: it may close clients that events are for
}

void MetricsServer::accept_all() {
    for (size_t i = 0; i < kMaxClients; ++i) {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket) return;
        if (clients_.size() == kMaxClients) clients_.pop_front();
        if (watch(epoll_.get(), socket.get(), EPOLLIN, EPOLL_CTL_ADD))
            clients_.push_back({std::move(socket), {}, {}});
    }
}

void MetricsServer::serve_client(Clients::iterator client) {
    const bool keep = client->answer.empty() ? read_request(*client) : write_answer(*client);
    if (!keep) clients_.erase(client);
}

bool MetricsServer::read_request(Client& client) {
    char bytes[1024];
    const ssize_t size = ::recv(client.socket.get(), bytes, sizeof(bytes), 0);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    if (size == 0) return false;
    client.request.append(bytes, static_cast<size_t>(size));
    const bool complete = client.request.find("\r\n\r\n") != std::string::npos ||
                          client.request.find("\n\n") != std::string::npos;
    if (!complete) return client.request.size() < kMaxRequest;
    client.answer = client.request.starts_with("GET ")
                        ? http("200 OK", text_())
                        : http("405 Method Not Allowed", "only GET\n");
    if (!write_answer(client)) return false;
    return watch(epoll_.get(), client.socket.get(), EPOLLOUT, EPOLL_CTL_MOD).has_value();
}

// False: all is written, or the reader is gone.
bool MetricsServer::write_answer(Client& client) {
    const ssize_t size = ::send(client.socket.get(), client.answer.data(), client.answer.size(),
                                MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    client.answer.erase(0, static_cast<size_t>(size));
    return !client.answer.empty();
}

}  // namespace viaduct
