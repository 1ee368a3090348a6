#include "drm-context/front/outbox.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ids.h"
#include "drm-context/transport/control_socket.h"

namespace viaduct {

using transport::RecordType;

namespace {

constexpr size_t kEntryCost = 256;  // bytes, so that empty records count too
// How far back an attachment that was not sent yet is looked for.
constexpr size_t kLookBack = 64;  // records

size_t cost_of(const Outbox::Record& record) {
    return record.payload.size() + record.beside + kEntryCost;
}

transport::FenceCall fence_of(const Outbox::Record& record) {
    transport::FenceCall call{};
    std::memcpy(&call, record.payload.data(), std::min(sizeof(call), record.payload.size()));
    return call;
}

ResourceId resource_of(const Outbox::Record& record) {
    transport::ResourceCall call{};
    std::memcpy(&call, record.payload.data(), std::min(sizeof(call), record.payload.size()));
    return ResourceId(call.res_id);
}

}  // namespace

Outbox::Outbox(const transport::ChannelEnd& end, std::shared_ptr<VmTraffic> traffic)
    : end_(end), traffic_(std::move(traffic)), ring_(end.page(), end.ring_bytes()) {}

Status Outbox::send(Record record) {
    if (record.type == RecordType::kDetach && take_back_attachment(record)) return {};
    drain();
    if (backlog_.empty() && record.beside == 0 && try_send(record)) {
        ring_doorbell();
        return {};
    }
    return keep(std::move(record));
}

Status Outbox::keep(Record record) {
    if (join_last_fence(record)) return {};
    if (!take_room(cost_of(record)))
        return fail(ENOBUFS, "{} bytes are waiting to be executed; {} more exceed the limit",
                    bytes_, cost_of(record));
    Waiting& kept = backlog_.emplace_back();
    kept.bytes.assign(record.payload.begin(), record.payload.end());
    kept.record = std::move(record);
    kept.record.payload = kept.bytes;
    drain();
    if (backlog_.empty() || backlog_.back().record.books == Books::kElsewhere) return {};
    auto booking = traffic_->book_descriptor();
    if (booking) {
        backlog_.back().booking = *std::move(booking);
        backlog_.back().record.books = Books::kElsewhere;
        return {};
    }
    drop(std::prev(backlog_.end()));
    return tl::unexpected(booking.error());
}

// A fence right behind one of the same ring waits for nothing else, and counts include those
// before.
bool Outbox::join_last_fence(const Record& record) {
    if (record.type != RecordType::kFence || backlog_.empty()) return false;
    Waiting& last = backlog_.back();
    if (last.record.type != RecordType::kFence ||
        fence_of(last.record).ring != fence_of(record).ring)
        return false;
    std::ranges::copy(record.payload, last.bytes.begin());
    return true;
}

// Only across records that cannot refer to the resource.
bool Outbox::take_back_attachment(const Record& detach) {
    auto found = backlog_.end();
    for (size_t i = 0; i < kLookBack && found != backlog_.begin(); ++i) {
        const Record& record = (--found)->record;
        if (record.type != RecordType::kAttach && record.type != RecordType::kDetach) return false;
        if (resource_of(record) != resource_of(detach)) continue;
        if (record.type == RecordType::kDetach) return false;
        drop(found);
        return true;
    }
    return false;
}

void Outbox::drop(std::deque<Waiting>::iterator waiting) {
    give_back_room(cost_of(waiting->record));
    backlog_.erase(waiting);
}

void Outbox::clear() {
    while (!backlog_.empty()) drop(backlog_.begin());
}

void Outbox::end_all() {
    clear();
    in_flight_.clear();
    give_back_room(bytes_);
    traffic_->remove_descriptors(std::exchange(descriptors_, 0));
}

bool Outbox::take_room(size_t bytes) {
    if (bytes_ != 0 && bytes_ + bytes > kMaxBytes) return false;
    if (!traffic_->add_bytes(bytes, bytes_)) return false;
    bytes_ += bytes;
    return true;
}

void Outbox::give_back_room(size_t bytes) {
    bytes_ -= bytes;
    traffic_->remove_bytes(bytes);
}

Status Outbox::try_send(const Record& record) {
    if (record.descriptor) {
        if (!ring_.has_room(record.payload.size())) return fail(EAGAIN, "its ring is full");
        if (auto sent = send_descriptor(record); !sent) return sent;
    }
    if (!ring_.push(record.type, record.payload)) return fail(EAGAIN, "its ring is full");
    if (record.descriptor) in_flight_.push_back({ring_.head(), record.beside});
    return {};
}

Status Outbox::send_descriptor(const Record& record) {
    if (!descriptors_allowed_) return fail(EAGAIN, "its worker has not started");
    count_descriptors();
    if (descriptors_ >= kMaxDescriptors || !traffic_->add_descriptor(descriptors_))
        return fail(EAGAIN, "it has not received {} descriptors", descriptors_);
    transport::DescriptorMessage message{};
    std::memcpy(&message.cookie, record.payload.data(), sizeof(message.cookie));
    auto sent = transport::send_message(end_.socket.get(), std::as_bytes(std::span(&message, 1)),
                                        record.descriptor->get());
    if (sent)
        ++descriptors_;
    else
        traffic_->remove_descriptors(1);
    return sent;
}

// The number the worker claims to have taken, but no fewer than the kernel holds: a worker that a
// guest has taken over may claim anything.
void Outbox::count_descriptors() {
    if (descriptors_ == 0) return;
    const size_t left = std::max(in_flight_.size(), transport::unreceived(end_.socket.get()));
    if (left >= descriptors_) return;
    traffic_->remove_descriptors(descriptors_ - static_cast<uint32_t>(left));
    descriptors_ = static_cast<uint32_t>(left);
}

void Outbox::forget_taken() {
    for (; !in_flight_.empty() && ring_.consumed(in_flight_.front().ring_position);
         in_flight_.pop_front())
        give_back_room(in_flight_.front().bytes);
    count_descriptors();
}

Status Outbox::drain() {
    forget_taken();
    if (auto status = send_waiting(); status) return status;
    // Ask for a signal when there is room, and look again: it may have appeared in between.
    end_.page().front_waits.store(1, std::memory_order_seq_cst);
    forget_taken();
    return send_waiting();
}

Status Outbox::send_waiting() {
    Status status;
    const size_t waiting = backlog_.size();
    while (!backlog_.empty() && (status = try_send(backlog_.front().record))) {
        // The memory beside it stays charged until it is taken.
        give_back_room(cost_of(backlog_.front().record) - backlog_.front().record.beside);
        backlog_.pop_front();
    }
    if (backlog_.size() < waiting) ring_doorbell();
    pass_quit_on();
    return status;
}

// A flag and not a record: a context can be destroyed without memory for one.
void Outbox::quit() noexcept {
    quits_ = true;
    pass_quit_on();
}

void Outbox::pass_quit_on() noexcept {
    if (!quits_ || !backlog_.empty()) return;
    end_.page().quit.store(1, std::memory_order_seq_cst);
    ring_doorbell();
}

void Outbox::wake_sleeping_worker() noexcept {
    if (end_.page().worker_sleeps.exchange(0, std::memory_order_seq_cst) != 0)
        transport::signal_event(end_.doorbell.get());
}

}  // namespace viaduct
