// The server process's loop: connections of clients, fences of the library, one thread.
#pragma once

#include <sys/epoll.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>

#include "blob/mapping.h"
#include "tests/loopback/packet.h"
#include "tests/loopback/request_queue.h"
#include "tests/loopback/server/virtio_gpu.h"

namespace viaduct::loopback {

class Server {
  public:
    /// `listener`: the listening socket. `lifeline`: keeps the server alive while it is not
    /// readable (its peer's end is open), clients or not; invalid: the server lives until its
    /// last client, and at least one, has gone.
    static Result<std::unique_ptr<Server>> create(VirtioGpu& device, UniqueFd listener,
                                                  UniqueFd lifeline);
    ~Server();

    /// Serves until nobody needs the server any more, or until `stop_fd` (borrowed, -1: none)
    /// becomes readable.
    Status run(int stop_fd);
    /// As when all of them die. Without clients, has no effect.
    void drop_clients();

  private:
    /// The sending end of one socket.
    struct Outlet {
        UniqueFd socket;
        uint64_t key = 0;               // in the epoll set
        std::deque<Packet> outgoing{};  // what the socket had no room for
    };
    struct Client {
        FileId file = 0;
        Outlet replies;
        // From its hello on:
        Outlet fences;
        std::optional<RequestQueue> queue;
        bool gone = false;
    };
    /// In the key of a fences' socket, beside the file's number.
    static constexpr uint64_t kFencesOfClient = 1ull << 63;
    struct IdleWaiter {
        FileId file;
        uint32_t resource_id;
        uint32_t request_id;
    };

    Server(VirtioGpu& device, UniqueFd listener, UniqueFd lifeline)
        : device_(device), listener_(std::move(listener)), lifeline_(std::move(lifeline)) {}

    Status watch(int fd, uint64_t key, uint32_t events);
    bool is_needed() const;
    Result<size_t> wait_for_events(std::span<epoll_event> events);
    void dispatch_event(uint64_t key, uint32_t events);
    void accept_client();
    void greet(Client& client);
    void serve_clients();
    Client* first_in_line();
    Status serve_next(Client& client);
    void drop_gone();
    void drop_client(FileId file);
    void deliver_fences();
    void answer_idle_waiters();

    void handle(Client& client, Packet& request);
    /// Handlers of one message type: what they return is the reply, if one was asked for.
    using Handler = Result<Packet> (Server::*)(Client&, Packet&);
    struct HandlerEntry {
        MessageType type;
        Handler handler;
    };
    static const HandlerEntry kHandlers[];
    Result<Packet> on_hello(Client& client, Packet& request);
    Result<Packet> on_get_capset(Client& client, Packet& request);
    Result<Packet> on_create_context(Client& client, Packet& request);
    Result<Packet> on_create_blob(Client& client, Packet& request);
    Result<Packet> on_submit(Client& client, Packet& request);
    Result<Packet> on_map_blob(Client& client, Packet& request);
    Result<Packet> on_export_blob(Client& client, Packet& request);
    Result<Packet> on_import_blob(Client& client, Packet& request);
    Result<Packet> on_close_resource(Client& client, Packet& request);
    Result<Packet> on_create_classic(Client& client, Packet& request);
    Result<Packet> on_transfer(Client& client, Packet& request);
    void on_wait_resource(Client& client, const Packet& request);

    bool try_to_send(Outlet& outlet, Packet& packet);
    void send(Outlet& outlet, Packet packet);
    void flush(Outlet& outlet);
    void set_events(const Outlet& outlet, uint32_t events);
    SharedState& shared() const { return *reinterpret_cast<SharedState*>(shared_.data()); }

    VirtioGpu& device_;
    UniqueFd listener_;
    UniqueFd lifeline_;
    UniqueFd epoll_;
    UniqueFd doorbell_;
    UniqueFd shared_fd_;
    Mapping shared_;
    Packet request_;  // reused
    std::map<FileId, Client> clients_;
    std::vector<IdleWaiter> idle_waiters_;
    bool had_client_ = false;
    bool has_arrival_ = false;  // at the listener
    bool stopped_ = false;
};

}  // namespace viaduct::loopback
