#include "drm-context/front/outbox.h"

#include <cstring>
#include <utility>

#include "drm-context/transport/control_socket.h"

namespace viaduct {

namespace {

// What a guest may have under way beyond the ring.
constexpr size_t kMaxBacklog = 64 << 20;  // bytes
constexpr size_t kEntryCost = 256;        // bytes, so that empty records count too
// A VMM has more memory than descriptors: a context may keep about a thousand waiting.
constexpr size_t kDescriptorCost = 64 << 10;

size_t cost_of(const Outbox::Record& record) {
    return record.payload.size() + record.beside + kEntryCost +
           (record.descriptor ? kDescriptorCost : 0);
}

}  // namespace

Status Outbox::send(Record record) {
    drain();
    const size_t under_way = backlog_bytes_ + in_flight_bytes_ + cost_of(record);
    // A single submission may be of any size.
    const bool bounded = under_way <= kMaxBacklog || under_way == cost_of(record);
    if ((bounded || record.beside == 0) && backlog_.empty() && try_send(record)) {
        ring_doorbell();
        return {};
    }
    if (!bounded) return fail(ENOBUFS, "{} bytes wait to be executed", under_way);
    keep(std::move(record));
    drain();
    return {};
}

void Outbox::keep(Record record) {
    backlog_bytes_ += cost_of(record);
    Waiting& waiting = backlog_.emplace_back();
    waiting.bytes.assign(record.payload.begin(), record.payload.end());
    waiting.record = std::move(record);
    waiting.record.payload = waiting.bytes;
}

void Outbox::clear() {
    backlog_.clear();
    backlog_bytes_ = 0;
}

Status Outbox::try_send(const Record& record) {
    if (!ring_.has_room(record.payload.size())) return fail(EAGAIN, "its ring is full");
    if (record.descriptor)
        if (auto sent = send_descriptor(record); !sent) return sent;
    if (!ring_.push(record.type, record.payload)) return fail(EAGAIN, "its ring is full");
    if (record.beside != 0) {
        in_flight_.push_back({ring_.head(), record.beside});
        in_flight_bytes_ += record.beside;
    }
    return {};
}

Status Outbox::send_descriptor(const Record& record) {
    if (!descriptors_allowed_) return fail(EAGAIN, "its worker has not started");
    transport::DescriptorMessage message{};
    std::memcpy(&message.cookie, record.payload.data(), sizeof(message.cookie));
    return transport::send_message(end_.socket.get(), std::as_bytes(std::span(&message, 1)),
                                   record.descriptor.get());
}

void Outbox::forget_taken() {
    for (; !in_flight_.empty() && ring_.consumed(in_flight_.front().ring_position);
         in_flight_.pop_front())
        in_flight_bytes_ -= in_flight_.front().bytes;
}

Status Outbox::drain() {
    forget_taken();
    if (auto status = send_waiting(); status) return status;
    // Ask for a signal when there is room, and look again: it may have appeared in between.
    end_.page().front_waits.store(1, std::memory_order_seq_cst);
    return send_waiting();
}

Status Outbox::send_waiting() {
    Status status;
    const size_t waiting = backlog_.size();
    while (!backlog_.empty() && (status = try_send(backlog_.front().record))) {
        backlog_bytes_ -= cost_of(backlog_.front().record);
        backlog_.pop_front();
    }
    if (backlog_.size() < waiting) ring_doorbell();
    return status;
}

void Outbox::ring_doorbell() {
    if (end_.page().worker_sleeps.exchange(0, std::memory_order_seq_cst) != 0)
        transport::signal_event(end_.doorbell.get());
}

}  // namespace viaduct
