#include "tests/loopback/server/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "base/log.h"
#include "blob/memfd.h"

namespace viaduct::loopback {

namespace {

// Keys of the epoll set: files are numbered from 1, in 32 bits.
constexpr uint64_t kListenerKey = 1ull << 32;
constexpr uint64_t kFenceKey = 2ull << 32;
constexpr uint64_t kLifelineKey = 3ull << 32;
constexpr uint64_t kStopKey = 4ull << 32;

/// Packets taken from one client before the next one has its turn.
constexpr int kPacketsPerTurn = 32;
/// QEMU's interval for virgl_renderer_poll where fences are not asynchronous.
constexpr int kPollIntervalMs = 10;
/// How often dma-bufs are looked after that keep a resource without handles.
constexpr int kReapIntervalMs = 50;
constexpr uint32_t kFirstResourceId = 2;
constexpr uint32_t kFirstMagic = 1;

}  // namespace

Result<std::unique_ptr<Server>> Server::create(VirtioGpu& device, UniqueFd listener,
                                               UniqueFd lifeline) {
    std::unique_ptr<Server> server(new Server(device, std::move(listener), std::move(lifeline)));
    auto counters = create_sealed_memfd("loopback-counters", sizeof(SharedCounters));
    if (!counters) return tl::unexpected(counters.error());
    auto mapping = Mapping::map_shared(counters->get(), 0, sizeof(SharedCounters));
    if (!mapping) return tl::unexpected(mapping.error());
    new (mapping->data()) SharedCounters{kFirstResourceId, kFirstMagic};
    server->counters_fd_ = std::move(*counters);
    server->counters_ = std::move(*mapping);
    server->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    Status status = server->watch(server->listener_.get(), kListenerKey, EPOLLIN);
    if (status) status = server->watch(device.fence_fd(), kFenceKey, EPOLLIN);
    if (status && server->lifeline_)
        status = server->watch(server->lifeline_.get(), kLifelineKey, EPOLLIN);
    if (!status) return tl::unexpected(status.error());
    return server;
}

Server::~Server() {
    drop_clients();
}

void Server::drop_clients() {
    while (!clients_.empty()) drop_client(clients_.begin()->first);
}

Status Server::watch(int fd, uint64_t key, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = key;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return fail(errno, "cannot watch descriptor {}: {}", fd, std::strerror(errno));
    return {};
}

bool Server::is_needed() const {
    return !clients_.empty() || lifeline_.valid() || !had_client_;
}

Status Server::run(int stop_fd) {
    if (stop_fd >= 0) {
        if (auto status = watch(stop_fd, kStopKey, EPOLLIN); !status) return status;
    }
    while (is_needed() && !stopped_) {
        std::array<epoll_event, 32> events;
        const int timeout = device_.needs_polling() ? kPollIntervalMs
                            : device_.has_orphans() ? kReapIntervalMs
                                                    : -1;
        const int count =
            ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
        if (count < 0 && errno != EINTR) return fail(errno, "epoll: {}", std::strerror(errno));
        for (int i = 0; i < count; ++i)
            dispatch_event(events[static_cast<size_t>(i)].data.u64,
                           events[static_cast<size_t>(i)].events);
        deliver_fences();
        if (count == 0) device_.reap_exported();
    }
    return {};
}

void Server::dispatch_event(uint64_t key, uint32_t events) {
    if (key == kListenerKey) return accept_client();
    if (key == kStopKey) {
        stopped_ = true;
        return;
    }
    if (key == kLifelineKey) {
        ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, lifeline_.get(), nullptr);
        lifeline_.reset();
        had_client_ = true;
        return;
    }
    if (key == kFenceKey) return;  // deliver_fences runs after every round
    const auto file = static_cast<FileId>(key);
    const auto client = clients_.find(file);
    if (client == clients_.end()) return;
    if (events & EPOLLOUT) flush(client->second);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) serve_client(file);
}

void Server::accept_client() {
    UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return;
    const FileId file = device_.open_file();
    if (const auto status = watch(socket.get(), file, EPOLLIN); !status) {
        device_.close_file(file);
        return;
    }
    had_client_ = true;
    clients_.emplace(file, Client{std::move(socket), file, {}});
}

void Server::drop_client(FileId file) {
    device_.close_file(file);
    std::erase_if(idle_waiters_, [&](const IdleWaiter& waiter) { return waiter.file == file; });
    clients_.erase(file);
}

void Server::serve_client(FileId file) {
    Client& client = clients_.at(file);
    for (int i = 0; i < kPacketsPerTurn; ++i) {
        auto packet = receive_packet(client.socket.get(), SendMode::kNonBlock);
        if (packet) {
            handle(client, *packet);
            continue;
        }
        if (packet.error().code == EAGAIN) return;
        if (packet.error().code != ECONNRESET)
            log(LogLevel::kError, "loopback: client {} dropped: {}", file, packet.error().message);
        return drop_client(file);
    }
}

void Server::deliver_fences() {
    const auto events = device_.take_signalled();
    for (const FenceEvent& event : events) {
        const auto client = clients_.find(event.file);
        if (client == clients_.end()) continue;
        Packet packet = Packet::request(MessageType::kFenceSignalled);
        packet.set_body(FenceSignalled{event.ring, 0, event.token});
        send(client->second, std::move(packet));
    }
    if (!events.empty()) answer_idle_waiters();
}

void Server::answer_idle_waiters() {
    std::erase_if(idle_waiters_, [&](const IdleWaiter& waiter) {
        if (device_.is_busy(waiter.resource_id)) return false;
        send(clients_.at(waiter.file), Packet::reply(waiter.request_id, 0));
        return true;
    });
}

void Server::send(Client& client, Packet packet) {
    if (client.outgoing.empty()) {
        const auto status = send_packet(client.socket.get(), packet, SendMode::kNonBlock);
        if (status || status.error().code != EAGAIN) return;  // a dead peer is noticed on receive
    }
    client.outgoing.push_back(std::move(packet));
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.u64 = client.file;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.socket.get(), &event);
}

void Server::flush(Client& client) {
    while (!client.outgoing.empty()) {
        const auto status =
            send_packet(client.socket.get(), client.outgoing.front(), SendMode::kNonBlock);
        if (!status && status.error().code == EAGAIN) return;
        client.outgoing.pop_front();
    }
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = client.file;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, client.socket.get(), &event);
}

}  // namespace viaduct::loopback
