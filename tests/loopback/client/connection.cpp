#include "tests/loopback/client/connection.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>

namespace viaduct::loopback {

namespace {

/// Blocks every signal for the calling thread while it lives.
class SignalMask {
  public:
    SignalMask() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &old_);
    }
    ~SignalMask() { ::pthread_sigmask(SIG_SETMASK, &old_, nullptr); }
    SignalMask(const SignalMask&) = delete;
    SignalMask& operator=(const SignalMask&) = delete;

  private:
    sigset_t old_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Events events) {
    auto replies = connect_socket(path);
    if (!replies) return tl::unexpected(replies.error());
    UniqueFd queue_memory;
    auto queue = RequestQueue::create(queue_memory);
    if (!queue) return tl::unexpected(queue.error());
    std::unique_ptr<Connection> connection(
        new Connection(std::move(*replies), std::move(*queue), std::move(events)));
    if (const auto greeted = connection->greet(std::move(queue_memory)); !greeted)
        return tl::unexpected(greeted.error());
    const SignalMask inherited_by_the_thread;
    connection->receiver_ = std::thread([raw = connection.get()] { raw->receive_fences(); });
    return connection;
}

Connection::~Connection() {
    ::shutdown(replies_.get(), SHUT_RDWR);
    ::shutdown(fences_.get(), SHUT_RDWR);
    if (receiver_.joinable()) receiver_.join();
}

/// Before there is a queue at the other end: over the socket.
Status Connection::greet(UniqueFd queue_memory) {
    Packet hello = Packet::request(MessageType::kHello);
    hello.header.request_id = next_request_++;
    hello.set_body(Hello{kProtocolVersion, static_cast<uint32_t>(::getpid())});
    hello.descriptors.push_back(std::move(queue_memory));
    if (auto sent = send_packet(replies_.get(), hello, SendMode::kBlock); !sent) return sent;
    auto reply = receive_packet(replies_.get(), SendMode::kBlock);
    if (!reply) return tl::unexpected(reply.error());
    if (const int status = reply->header.status; status != 0)
        return fail(-status, "the loopback server refuses: {}", std::strerror(-status));
    const auto device = reply->body_as<HelloReply>();
    if (!device) return fail(EPROTO, "the version of the server's greeting differs");
    device_ = *device;
    auto shared = Mapping::map_shared(reply->take_descriptor(0).get(), 0, sizeof(SharedState));
    if (!shared) return tl::unexpected(shared.error());
    shared_ = std::move(*shared);
    doorbell_ = reply->take_descriptor(1);
    fences_ = reply->take_descriptor(2);
    return doorbell_ && fences_ ? Status{} : fail(EPROTO, "the server has no descriptor left");
}

Status Connection::post(Packet& request) {
    request.header.request_id = 0;
    return enqueue(request);
}

Status Connection::enqueue(Packet& request) {
    const std::lock_guard lock(queue_mutex_);
    if (auto room = wait_for_room(); !room) return room;
    const uint32_t ticket = std::atomic_ref(shared().next_ticket).fetch_add(1);
    if (RequestQueue::fits(request)) {
        queue_.push(request, ticket);
    } else {
        if (auto sent = send_packet(replies_.get(), request, SendMode::kBlock); !sent)
            return fail(EIO, "the loopback server has gone");
        queue_.push_mark(ticket);
    }
    ring_doorbell();
    return {};
}

/// The server is awake while the queue is full, and no fence comes when it has room again.
Status Connection::wait_for_room() {
    constexpr std::chrono::microseconds kLookInterval{50};
    while (!lost_ && !queue_.has_room()) std::this_thread::sleep_for(kLookInterval);
    return lost_ ? fail(EIO, "the loopback server has gone") : Status{};
}

void Connection::ring_doorbell() {
    if (std::atomic_ref(shared().server_sleeps).load() != 0) ::eventfd_write(doorbell_.get(), 1);
}

Result<Packet> Connection::call(Packet& request) {
    {
        const std::lock_guard lock(replies_mutex_);
        request.header.request_id = next_request_++;
        if (next_request_ == 0) next_request_ = 1;
    }
    if (const auto asked = enqueue(request); !asked) return tl::unexpected(asked.error());
    auto reply = wait_for_reply(request.header.request_id);
    if (!reply) return fail(EIO, "the loopback server has gone");
    const int status = reply->header.status;
    if (status != 0) return fail(-status, "the loopback server says {}", status);
    return std::move(*reply);
}

/// One of the threads that wait reads the socket for all of them.
std::optional<Packet> Connection::wait_for_reply(uint32_t request_id) {
    std::unique_lock lock(replies_mutex_);
    while (true) {
        if (auto mine = others_replies_.extract(request_id)) return std::move(mine.mapped());
        if (lost_) return std::nullopt;
        if (receiving_) {
            reply_arrived_.wait(lock);
            continue;
        }
        receiving_ = true;
        lock.unlock();
        auto packet = receive_packet(replies_.get(), SendMode::kBlock);
        lock.lock();
        receiving_ = false;
        reply_arrived_.notify_all();
        if (!packet) {
            lost_ = true;
            ::shutdown(fences_.get(), SHUT_RDWR);  // ends receive_fences(), which tells of it
        } else if (packet->header.request_id == request_id) {
            return std::move(*packet);
        } else {
            others_replies_.emplace(packet->header.request_id, std::move(*packet));
        }
    }
}

void Connection::receive_fences() {
    while (auto packet = receive_packet(fences_.get(), SendMode::kBlock))
        if (const auto fence = packet->body_as<FenceSignalled>()) events_.on_fence(*fence);
    lost_ = true;
    events_.on_lost();
}

}  // namespace viaduct::loopback
