#include "tests/loopback/client/connection.h"

#include <sys/socket.h>

#include <csignal>

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
    auto socket = connect_socket(path);
    if (!socket) return tl::unexpected(socket.error());
    return std::unique_ptr<Connection>(new Connection(std::move(*socket), std::move(events)));
}

Connection::Connection(UniqueFd socket, Events events)
    : socket_(std::move(socket)), events_(std::move(events)) {
    const SignalMask inherited_by_the_thread;
    receiver_ = std::thread([this] { receive_loop(); });
}

Connection::~Connection() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    receiver_.join();
}

Status Connection::post(Packet& request) {
    request.header.request_id = 0;
    return send_packet(socket_.get(), request, SendMode::kBlock);
}

Result<Packet> Connection::call(Packet& request) {
    Call call;
    std::unique_lock lock(mutex_);
    if (lost_) return fail(EIO, "the loopback server has gone");
    const uint32_t id = next_request_++;
    if (next_request_ == 0) next_request_ = 1;
    request.header.request_id = id;
    calls_[id] = &call;
    lock.unlock();
    const auto sent = send_packet(socket_.get(), request, SendMode::kBlock);
    lock.lock();
    if (sent) call.arrived.wait(lock, [&] { return call.reply || lost_; });
    calls_.erase(id);
    if (!sent || !call.reply) return fail(EIO, "the loopback server has gone");
    const int status = call.reply->header.status;
    if (status != 0) return fail(-status, "the loopback server says {}", status);
    return std::move(*call.reply);
}

void Connection::receive_loop() {
    while (auto packet = receive_packet(socket_.get(), SendMode::kBlock)) {
        if (packet->header.type == MessageType::kReply) {
            finish_call(std::move(*packet));
        } else if (const auto fence = packet->body_as<FenceSignalled>();
                   fence && packet->header.type == MessageType::kFenceSignalled) {
            events_.on_fence(*fence);
        }
    }
    {
        const std::lock_guard lock(mutex_);
        lost_ = true;
        for (auto& [id, call] : calls_) call->arrived.notify_all();
    }
    events_.on_lost();
}

void Connection::finish_call(Packet reply) {
    const std::lock_guard lock(mutex_);
    const auto call = calls_.find(reply.header.request_id);
    if (call == calls_.end()) return;  // its thread has given up
    call->second->reply = std::move(reply);
    call->second->arrived.notify_all();
}

}  // namespace viaduct::loopback
