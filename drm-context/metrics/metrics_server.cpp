#include "drm-context/metrics/metrics_server.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include "drm-context/metrics/http.h"
#include "drm-context/transport/control_socket.h"

namespace viaduct {

namespace {

constexpr int kMaxAccepts = 64;  // from one text to the next

Status watch(const UniqueFd& epoll, int fd, uint32_t events, int operation = EPOLL_CTL_ADD) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (::epoll_ctl(epoll.get(), operation, fd, &event) != 0)
        return fail(errno, "epoll: {}", std::strerror(errno));
    return {};
}

}  // namespace

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const std::string& path,
                                                            std::function<std::string()> text,
                                                            Pace pace) try {
    auto listener = NamedListener::open(path, kMaxClients);
    if (!listener) return tl::unexpected(listener.error());
    std::unique_ptr<MetricsServer> server(
        new MetricsServer(*std::move(listener), std::move(text), pace));
    if (auto status = server->prepare(); !status) return tl::unexpected(status.error());
    server->thread_ = std::thread([raw = server.get()] { raw->run(); });
    ::pthread_setname_np(server->thread_.native_handle(), "viaduct-metrics");
    return server;
} catch (const std::system_error& error) {
    return fail(EAGAIN, "cannot start the thread that serves metrics: {}", error.what());
}

MetricsServer::MetricsServer(NamedListener listener, std::function<std::string()> text, Pace pace)
    : text_(std::move(text)), pace_(pace), owner_(::getpid()), listener_(std::move(listener)) {}

Status MetricsServer::prepare() {
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    auto stop = transport::create_event();
    if (!epoll_ || !stop) return fail(EMFILE, "no descriptor left for the metrics thread");
    stop_ = *std::move(stop);
    if (auto status = watch(epoll_, stop_.get(), EPOLLIN); !status) return status;
    return watch(epoll_, listener_.fd(), EPOLLIN);
}

MetricsServer::~MetricsServer() {
    if (!thread_.joinable()) return;
    if (owner_ != ::getpid()) {
        thread_.detach();  // it runs in the parent only
        return;
    }
    transport::signal_event(stop_.get());
    thread_.join();
}

void MetricsServer::run() {
    for (bool goes_on = true; goes_on;) {
        try {
            goes_on = take_turn();
        } catch (const std::exception&) {  // no memory: readers ask again
            clients_.clear();
            rests_until_ = Clock::now() + pace_.between_texts;
        }
    }
}

bool MetricsServer::take_turn() {
    epoll_event events[kMaxClients + 2];
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), time_to_wait());
    bool knocks = false;
    for (int i = 0; i < count; ++i) {
        const int fd = events[i].data.fd;
        if (fd == stop_.get()) return false;
        if (fd == listener_.fd())
            knocks = true;
        else
            serve(fd, events[i].events);
    }
    answer_with_text();
    std::erase_if(clients_,
                  [now = Clock::now()](const Client& client) { return client.leaves <= now; });
    if (knocks) accept_all();  // last: a new client may get the number of one that has gone
    listen_while_there_is_room();
    return true;
}

int MetricsServer::time_to_wait() const {
    auto until = Clock::time_point::max();
    if (!clients_.empty()) until = clients_.front().leaves;
    if (anybody_awaits_text()) until = std::min(until, next_text_);
    if (!listens_ && clients_.size() < kMaxClients) until = std::min(until, rests_until_);
    if (until == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    return std::max(0, static_cast<int>(left.count()));
}

bool MetricsServer::anybody_awaits_text() const {
    return std::ranges::any_of(clients_, &Client::awaits_text);
}

void MetricsServer::serve(int fd, uint32_t events) {
    const auto client = std::ranges::find_if(
        clients_, [fd](const Client& other) { return other.socket.get() == fd; });
    if (client != clients_.end() && !serve_client(*client, events)) clients_.erase(client);
}

bool MetricsServer::serve_client(Client& client, uint32_t events) {
    if (client.answer) return write_answer(client);
    if (client.awaits_text) return !(events & (EPOLLHUP | EPOLLERR));
    return read_request(client);
}

bool MetricsServer::read_request(Client& client) {
    char bytes[1024];
    ssize_t size = 1;
    while (size > 0 && client.request.size() < http::kMaxHead) {
        size = ::recv(client.socket.get(), bytes, sizeof(bytes), 0);
        if (size > 0) client.request.append(bytes, static_cast<size_t>(size));
    }
    const http::Request request = http::judge(client.request);
    if (request == http::Request::kUnfinished)
        return size < 0 && (errno == EAGAIN || errno == EINTR);
    if (request == http::Request::kGet) {
        client.awaits_text = true;
        return watch(epoll_, client.socket.get(), 0, EPOLL_CTL_MOD).has_value();
    }
    client.answer = std::make_shared<const std::string>(http::refusal(request));
    return write_answer(client);
}

bool MetricsServer::write_answer(Client& client) {
    const std::string_view left = std::string_view(*client.answer).substr(client.sent);
    const ssize_t size =
        ::send(client.socket.get(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
    client.sent += static_cast<size_t>(std::max<ssize_t>(size, 0));
    if (client.sent == client.answer->size()) return false;
    return watch(epoll_, client.socket.get(), EPOLLOUT, EPOLL_CTL_MOD).has_value();
}

void MetricsServer::answer_with_text() {
    if (!anybody_awaits_text() || Clock::now() < next_text_) return;
    const auto answer = std::make_shared<const std::string>(http::response("200 OK", text_()));
    next_text_ = Clock::now() + pace_.between_texts;
    std::erase_if(clients_, [&](Client& client) {
        if (!std::exchange(client.awaits_text, false)) return false;
        client.answer = answer;
        return !write_answer(client);
    });
}

// Clients that connect and leave at once cost time, too.
bool MetricsServer::may_accept() {
    if (const auto now = Clock::now(); now >= period_ends_) {
        period_ends_ = now + pace_.between_texts;
        accepts_left_ = kMaxAccepts;
    }
    if (accepts_left_-- > 0) return true;
    rests_until_ = period_ends_;
    return false;
}

void MetricsServer::accept_all() {
    while (clients_.size() < kMaxClients && may_accept()) {
        UniqueFd socket(::accept4(listener_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket) {
            // No descriptor is left, most likely.
            if (errno != EAGAIN) rests_until_ = Clock::now() + pace_.between_texts;
            return;
        }
        if (!watch(epoll_, socket.get(), EPOLLIN)) continue;
        Client& client = clients_.emplace_back();
        client.socket = std::move(socket);
        client.leaves = Clock::now() + pace_.per_client;
    }
}

void MetricsServer::listen_while_there_is_room() {
    const bool wanted = clients_.size() < kMaxClients && Clock::now() >= rests_until_;
    if (wanted == listens_) return;
    const uint32_t events = wanted ? uint32_t{EPOLLIN} : 0;
    if (watch(epoll_, listener_.fd(), events, EPOLL_CTL_MOD)) listens_ = wanted;
}

}  // namespace viaduct
