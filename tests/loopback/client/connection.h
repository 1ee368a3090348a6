// The client's end of one connection to the server.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "blob/mapping.h"
#include "tests/loopback/packet.h"
#include "tests/loopback/request_queue.h"

namespace viaduct::loopback {

/// Thread-safe. A thread of its own receives fence signals. Signal handlers of the program never
/// run on it.
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

    /// As the server described it.
    const HelloReply& device() const { return device_; }
    SharedState& shared() const { return *reinterpret_cast<SharedState*>(shared_.data()); }

    /// Asks without waiting for the host: as with a command on the virtqueue. Blocks only while the
    /// queue is full. Error: EIO, the server has gone.
    Status post(Packet& request);
    /// Asks, and waits for the reply. Error: the reply's status, or EIO if the server has gone.
    Result<Packet> call(Packet& request);

  private:
    Connection(UniqueFd replies, RequestQueue queue, Events events)
        : replies_(std::move(replies)), events_(std::move(events)), queue_(std::move(queue)) {}
    Status greet(UniqueFd queue_memory);
    void receive_fences();
    Status enqueue(Packet& request);
    Status wait_for_room();
    void ring_doorbell();
    std::optional<Packet> wait_for_reply(uint32_t request_id);

    const UniqueFd replies_;  // and for requests that no slot of the queue holds
    const Events events_;
    UniqueFd fences_;
    HelloReply device_{};
    Mapping shared_;
    UniqueFd doorbell_;
    std::atomic<bool> lost_ = false;

    std::mutex queue_mutex_;
    RequestQueue queue_;

    std::mutex replies_mutex_;
    std::condition_variable reply_arrived_;
    uint32_t next_request_ = 1;
    bool receiving_ = false;                     // a thread reads the socket, for all that wait
    std::map<uint32_t, Packet> others_replies_;  // by request: read by another thread

    std::thread receiver_;  // last: it uses the members above
};

}  // namespace viaduct::loopback
