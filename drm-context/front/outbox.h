// Outbox: what the front sends to one worker, and what waits until it can be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/shared_fd.h"
#include "base/unique_fd.h"
#include "drm-context/front/vm_traffic.h"
#include "drm-context/transport/channel.h"
#include "drm-context/transport/command_ring.h"
#include "drm-context/transport/messages.h"

namespace viaduct {

/// Records go into the command ring, and their descriptors over the control socket just before
/// them. What finds no room waits in a backlog, in order. All of it is bounded, for the context and
/// for its VM. Nothing here blocks. Not thread-safe.
class Outbox {
  public:
    /// Descriptors that the worker has not received. See VmTraffic::kMaxDescriptors.
    static constexpr uint32_t kMaxDescriptors = 8;
    /// Bytes that wait, or that the worker has not taken from beside the ring. A single submission
    /// may be larger, if nothing else is under way.
    static constexpr size_t kMaxBytes = 4 << 20;

    /// Whether a descriptor is booked already. If not, it is booked while it waits.
    enum class Books { kElsewhere, kHere };
    struct Record {
        transport::RecordType type;
        std::span<const std::byte> payload;  // begins with the cookie, if there is a descriptor
        SharedFd descriptor = nullptr;
        Books books = Books::kElsewhere;
        size_t beside = 0;  // bytes of memory behind the descriptor
    };

    /// `end` is borrowed.
    Outbox(const transport::ChannelEnd& end, std::shared_ptr<VmTraffic> traffic);
    ~Outbox() { end_all(); }
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    /// Largest payload of a record.
    size_t max_payload() const { return ring_.max_payload(); }
    /// Sends a record, or keeps it until drain() can. An attachment that still waits when its
    /// resource is detached goes without having been sent; of several fences of one ring in a row
    /// that wait, the last one is sent. ENOBUFS: too much is under way. ENOMEM:
    /// the descriptor would have to wait, and cannot be booked.
    Status send(Record record);
    /// The same for a record without a descriptor, as most are: the short way, if nothing is in
    /// front of it. False: nothing was done.
    bool send_at_once(transport::RecordType type, std::span<const std::byte> payload) {
        if (!send_without_hurry(type, payload)) return false;
        ring_doorbell();
        return true;
    }
    /// Likewise, but a worker that sleeps goes on to sleep, until wake() or the next record.
    bool send_without_hurry(transport::RecordType type, std::span<const std::byte> payload) {
        return backlog_.empty() && in_flight_.empty() && ring_.push(type, payload);
    }
    /// Wakes a worker that has records.
    void wake() noexcept {
        if (!ring_.empty()) ring_doorbell();
    }
    /// Sends what waits, as far as there is room, and asks the worker to signal when there is more.
    /// The error: why the first record that is left cannot be sent yet.
    Status drain();
    /// Descriptors wait for this: the first one that a worker is sent is its file on the GPU.
    void allow_descriptors() { descriptors_allowed_ = true; }
    /// Drops what waits.
    void clear();
    /// The same, and the worker is gone: nothing is under way any more.
    void end_all();
    /// Nothing else will be sent: once the worker has what waits, it is to finish and end.
    void quit() noexcept;

    /// Records that wait.
    size_t waiting() const { return backlog_.size(); }
    /// True if the worker has taken everything.
    bool idle() const { return ring_.empty() && backlog_.empty(); }

  private:
    /// Attachments of a record in the ring, until the worker has taken it.
    struct InFlight {
        uint64_t ring_position;
        size_t bytes;
    };
    struct Waiting {
        std::vector<std::byte> bytes;
        Record record;    // of these bytes
        Booking booking;  // of its descriptor
    };

    Status keep(Record record);
    bool join_last_fence(const Record& record);
    bool take_back_attachment(const Record& detach);
    Status try_send(const Record& record);
    Status send_descriptor(const Record& record);
    Status send_waiting();
    void drop(std::deque<Waiting>::iterator waiting);
    bool take_room(size_t bytes);
    void give_back_room(size_t bytes);
    void forget_taken();
    void count_descriptors();
    void pass_quit_on() noexcept;
    // The worker sets the flag, then looks at the ring once more; here it is the other way round.
    // The flag is read first: most of the time the worker is awake, and keeps its cache line.
    void ring_doorbell() noexcept {
        if (end_.page().worker_sleeps.load(std::memory_order_seq_cst) != 0) wake_sleeping_worker();
    }
    void wake_sleeping_worker() noexcept;

    const transport::ChannelEnd& end_;
    const std::shared_ptr<VmTraffic> traffic_;
    transport::RingProducer ring_;
    bool descriptors_allowed_ = false;
    bool quits_ = false;
    std::deque<Waiting> backlog_;
    size_t bytes_ = 0;                // that wait or are in flight
    std::deque<InFlight> in_flight_;  // with a descriptor each
    uint32_t descriptors_ = 0;        // in flight, as counted in traffic_
};

}  // namespace viaduct
