// The client's end of one connection to the server.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "tests/loopback/packet.h"

namespace viaduct::loopback {

/// Thread-safe. A thread of its own receives replies and fence signals. Signal handlers of the
/// program never run on it.
class Connection {
  public:
    struct Events {
        /// A fence signal. Called on the receiving thread, no lock held.
        std::function<void(const FenceSignalled&)> on_fence;
        /// The server has gone: nothing else will come.
        std::function<void()> on_lost;
    };

    static Result<std::unique_ptr<Connection>> open(const std::string& path, Events events);
    ~Connection();

    /// Sends without waiting for the host: as a command on the virtqueue. Blocks only while the
    /// queue is full.
    Status post(Packet& request);
    /// Sends, and waits for the reply. Error: the reply's status, or EIO if the server has gone.
    Result<Packet> call(Packet& request);

  private:
    /// A thread that waits for its reply.
    struct Call {
        std::condition_variable arrived;
        std::optional<Packet> reply;
    };

    Connection(UniqueFd socket, Events events);
    void receive_loop();
    void finish_call(Packet reply);

    UniqueFd socket_;
    Events events_;
    std::mutex mutex_;
    uint32_t next_request_ = 1;
    bool lost_ = false;
    std::map<uint32_t, Call*> calls_;
    std::thread receiver_;
};

}  // namespace viaduct::loopback
