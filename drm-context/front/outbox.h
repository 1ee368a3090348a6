// Outbox: what the front sends to one worker, and what waits until it can be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "blob/result.h"
#include "blob/unique_fd.h"
#include "drm-context/transport/channel.h"
#include "drm-context/transport/command_ring.h"
#include "drm-context/transport/messages.h"

namespace viaduct {

/// Records go into the command ring, and their descriptors over the control socket just before
/// them. What finds no room waits in a bounded backlog, in order. Nothing here blocks. Not
/// thread-safe.
class Outbox {
  public:
    struct Record {
        transport::RecordType type;
        std::span<const std::byte> payload;  // begins with the cookie, if there is a descriptor
        UniqueFd descriptor;
        size_t beside = 0;  // bytes of memory behind the descriptor
    };

    /// `end` is borrowed.
    explicit Outbox(const transport::ChannelEnd& end)
        : end_(end), ring_(end.page(), end.ring_bytes()) {}

    /// Largest payload of a record.
    size_t max_payload() const { return ring_.max_payload(); }
    /// Sends a record, or keeps it until drain() can. ENOBUFS: the backlog is full.
    Status send(Record record);
    /// Sends what waits, as far as there is room, and asks the worker to signal when there is more.
    /// The error: why the first record that is left cannot be sent yet.
    Status drain();
    /// Descriptors wait for this: the first one that a worker is sent is its file on the GPU.
    void allow_descriptors() { descriptors_allowed_ = true; }
    /// Drops what waits.
    void clear();

    /// Records that wait.
    size_t waiting() const { return backlog_.size(); }
    /// True if the worker has taken everything.
    bool idle() const { return ring_.empty() && backlog_.empty(); }

  private:
    /// Memory that a record in the ring brought along, until the worker has taken it.
    struct InFlight {
        uint64_t ring_position;
        size_t bytes;
    };
    struct Waiting {
        std::vector<std::byte> bytes;
        Record record;  // of these bytes
    };

    Status try_send(const Record& record);
    Status send_descriptor(const Record& record);
    Status send_waiting();
    void keep(Record record);
    void forget_taken();
    void ring_doorbell();

    const transport::ChannelEnd& end_;
    transport::RingProducer ring_;
    bool descriptors_allowed_ = false;
    std::deque<Waiting> backlog_;
    size_t backlog_bytes_ = 0;
    std::deque<InFlight> in_flight_;
    size_t in_flight_bytes_ = 0;
};

}  // namespace viaduct
