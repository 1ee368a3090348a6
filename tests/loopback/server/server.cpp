#include "tests/loopback/server/server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <new>

#include "base/log.h"
#include "blob/memfd.h"

namespace viaduct::loopback {

namespace {

// Keys of the epoll set. Files are numbered from 1, in 32 bits: the key of one's socket is its
// number, that of its fences' socket has a bit more.
constexpr uint64_t kListenerKey = 1ull << 32;
constexpr uint64_t kFenceKey = 2ull << 32;
constexpr uint64_t kLifelineKey = 3ull << 32;
constexpr uint64_t kStopKey = 4ull << 32;
constexpr uint64_t kDoorbellKey = 5ull << 32;

/// Requests taken before fences and new clients have their turn.
constexpr int kRequestsPerTurn = 64;
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
    auto shared = create_sealed_memfd("loopback-shared", sizeof(SharedState));
    if (!shared) return tl::unexpected(shared.error());
    auto mapping = Mapping::map_shared(shared->get(), 0, sizeof(SharedState));
    if (!mapping) return tl::unexpected(mapping.error());
    new (mapping->data()) SharedState{kFirstResourceId, kFirstMagic, 0, 0};
    server->shared_fd_ = std::move(*shared);
    server->shared_ = std::move(*mapping);
    server->epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    server->doorbell_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    Status status = server->watch(server->listener_.get(), kListenerKey, EPOLLIN);
    if (status) status = server->watch(device.fence_fd(), kFenceKey, EPOLLIN);
    // Each ring is an edge: nobody reads it.
    if (status) status = server->watch(server->doorbell_.get(), kDoorbellKey, EPOLLIN | EPOLLET);
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
        const auto count = wait_for_events(events);
        if (!count) return tl::unexpected(count.error());
        for (const epoll_event& event : std::span(events).first(*count))
            dispatch_event(event.data.u64, event.events);
        serve_clients();
        drop_gone();
        if (std::exchange(has_arrival_, false)) accept_client();
        deliver_fences();
        if (*count == 0) device_.reap_exported();
    }
    return {};
}

Result<size_t> Server::wait_for_events(std::span<epoll_event> events) {
    int timeout = device_.needs_polling() ? kPollIntervalMs
                  : device_.has_orphans() ? kReapIntervalMs
                                          : -1;
    // First the word, then the look: a client that fills a slot does it the other way round.
    std::atomic_ref sleeps(shared().server_sleeps);
    sleeps.store(1);
    const bool idle = std::ranges::all_of(clients_, [](const auto& item) {
        return !item.second.queue || item.second.queue->empty();
    });
    if (!idle) {
        sleeps.store(0);
        timeout = 0;
    }
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    sleeps.store(0);
    if (count < 0 && errno != EINTR) return fail(errno, "epoll: {}", std::strerror(errno));
    return static_cast<size_t>(std::max(count, 0));
}

void Server::dispatch_event(uint64_t key, uint32_t events) {
    if (key == kListenerKey) {  // after those that have gone: their context ids are free
        has_arrival_ = true;
        return;
    }
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
    // Queues and fences are looked at in every round.
    if (key == kFenceKey || key == kDoorbellKey) return;
    const auto found = clients_.find(static_cast<FileId>(key));
    if (found == clients_.end()) return;
    Client& client = found->second;
    Outlet& outlet = key & kFencesOfClient ? client.fences : client.replies;
    if (events & EPOLLOUT) flush(outlet);
    if (events & (EPOLLHUP | EPOLLERR)) client.gone = true;
    if (!client.queue && (events & EPOLLIN)) greet(client);
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
    Client& client = clients_[file];
    client.file = file;
    client.replies = {std::move(socket), file};
}

/// The first request, which brings the queue of all others.
void Server::greet(Client& client) {
    auto hello = receive_packet(client.replies.socket.get(), SendMode::kNonBlock);
    if (hello) handle(client, *hello);
    // From now on, a request that lies on the socket has a slot that says so.
    if (client.queue) return set_events(client.replies, 0);
    client.gone = true;
}

// The sockets' files may live on, in a child that was forked off a client as it opened the node.
void Server::drop_client(FileId file) {
    device_.close_file(file);
    std::erase_if(idle_waiters_, [&](const IdleWaiter& waiter) { return waiter.file == file; });
    for (const Outlet* outlet : {&clients_.at(file).replies, &clients_.at(file).fences})
        if (outlet->socket) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, outlet->socket.get(), nullptr);
    clients_.erase(file);
}

/// In the order of their tickets.
void Server::serve_clients() {
    for (int i = 0; i < kRequestsPerTurn; ++i) {
        Client* const client = first_in_line();
        if (!client) return;
        const auto status = serve_next(*client);
        if (status) continue;
        // A client that was killed leaves requests of which a part is missing.
        if (status.error().code != ECONNRESET)
            log(LogLevel::kError, "loopback: client {} dropped: {}", client->file,
                status.error().message);
        client->gone = true;
        client->queue.reset();
    }
}

/// The client whose request comes next; null: there is none. While one is looked at, others arrive:
/// what came before the one found is there when all are looked at once more.
Server::Client* Server::first_in_line() {
    Client* first = nullptr;
    while (true) {
        Client* const before = first;
        for (auto& [file, client] : clients_) {
            const auto ticket = client.queue ? client.queue->ticket() : std::nullopt;
            if (!ticket) continue;
            if (!first || static_cast<int32_t>(*ticket - *first->queue->ticket()) < 0)
                first = &client;
        }
        if (first == before) return first;
    }
}

Status Server::serve_next(Client& client) {
    const auto place = client.queue->pop(request_);
    if (!place) return tl::unexpected(place.error());
    if (*place == RequestQueue::Place::kOnSocket) {
        const int socket = client.replies.socket.get();
        auto packet = receive_packet(socket, SendMode::kNonBlock);
        // A client that went without reading a reply shows once as that, before what it has sent.
        if (!packet && packet.error().code == ECONNRESET)
            packet = receive_packet(socket, SendMode::kNonBlock);
        if (!packet) return tl::unexpected(packet.error());
        request_ = std::move(*packet);
    }
    handle(client, request_);
    request_.descriptors.clear();
    return {};
}

/// Clients that have gone, once all that they asked for is done.
void Server::drop_gone() {
    const size_t before = clients_.size();
    for (auto next = clients_.begin(); next != clients_.end();) {
        const Client& client = (next++)->second;
        if (client.gone && (!client.queue || client.queue->empty())) drop_client(client.file);
    }
    if (clients_.size() != before) answer_idle_waiters();
}

void Server::deliver_fences() {
    const auto events = device_.take_signalled();
    for (const FenceEvent& event : events) {
        const auto client = clients_.find(event.file);
        if (client == clients_.end()) continue;
        Packet packet = Packet::request(MessageType::kFenceSignalled);
        packet.set_body(FenceSignalled{event.ring, 0, event.token});
        send(client->second.fences, std::move(packet));
    }
    if (!events.empty()) answer_idle_waiters();
}

void Server::answer_idle_waiters() {
    std::erase_if(idle_waiters_, [&](const IdleWaiter& waiter) {
        if (device_.is_busy(waiter.resource_id)) return false;
        send(clients_.at(waiter.file).replies, Packet::reply(waiter.request_id, 0));
        return true;
    });
}

/// False: there is no room now. Another failure looks like the server's end to a client that waits,
/// and like the client's to us.
bool Server::try_to_send(Outlet& outlet, Packet& packet) {
    const auto status = send_packet(outlet.socket.get(), packet, SendMode::kNonBlock);
    if (!status && status.error().code == EAGAIN) return false;
    if (!status) ::shutdown(outlet.socket.get(), SHUT_RDWR);
    return true;
}

void Server::send(Outlet& outlet, Packet packet) {
    if (outlet.outgoing.empty() && try_to_send(outlet, packet)) return;
    outlet.outgoing.push_back(std::move(packet));
    set_events(outlet, EPOLLOUT);
}

void Server::flush(Outlet& outlet) {
    while (!outlet.outgoing.empty()) {
        if (!try_to_send(outlet, outlet.outgoing.front())) return;
        outlet.outgoing.pop_front();
    }
    set_events(outlet, 0);
}

/// Hang-ups are reported whether asked for or not.
void Server::set_events(const Outlet& outlet, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = outlet.key;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, outlet.socket.get(), &event);
}

}  // namespace viaduct::loopback
