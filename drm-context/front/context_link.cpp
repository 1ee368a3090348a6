#include "drm-context/front/context_link.h"

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "blob/log.h"
#include "blob/memfd.h"

namespace viaduct {

using transport::RecordType;

namespace {

// What a guest may have under way beyond the ring before its context is given up.
constexpr size_t kMaxBacklog = 64 << 20;   // bytes
constexpr size_t kBacklogEntryCost = 256;  // bytes, so that empty records count too

std::chrono::milliseconds answer_time() {
    static const auto time = [] {
        const char* text = std::getenv("VIADUCT_DEADLINE_MS");
        const long value = text ? std::strtol(text, nullptr, 10) : 0;
        return std::chrono::milliseconds(value > 0 ? value : 1000);
    }();
    return time;
}

}  // namespace

ContextLink::ContextLink(uint32_t ctx_id, transport::ChannelEnd end)
    : ctx_id_(ctx_id),
      end_(std::move(end)),
      inbox_(ctx_id, end_.socket.get()),
      ring_(end_.page(), end_.ring_bytes()) {
    inbox_.expect(transport::kReadyCookie);
}

Status ContextLink::send(RecordType type, std::span<const std::byte> payload, UniqueFd descriptor) {
    const std::lock_guard lock(mutex_);
    if (payload.size() > ring_.max_payload()) return send_large(payload);
    return send_locked(type, payload, std::move(descriptor));
}

Status ContextLink::send_large(std::span<const std::byte> payload) {
    auto memory = create_sealed_memfd("viaduct-submission", payload.size());
    if (!memory) return tl::unexpected(memory.error());
    auto bytes = Mapping::map_shared(memory->get(), 0, payload.size());
    if (!bytes) return tl::unexpected(bytes.error());
    std::memcpy(bytes->data(), payload.data(), payload.size());
    const transport::SubmitMemory call{++last_cookie_, payload.size()};
    return send_locked(RecordType::kSubmitMemory, std::as_bytes(std::span(&call, 1)),
                       *std::move(memory));
}

Status ContextLink::send_locked(RecordType type, std::span<const std::byte> payload,
                                UniqueFd descriptor) {
    if (lost_) return fail(ENOBUFS, "context {} is lost", ctx_id_);
    drain_backlog();
    if (backlog_.empty() && try_send(type, payload, descriptor.get())) {
        ring_doorbell();
        return {};
    }
    backlog_bytes_ += payload.size() + kBacklogEntryCost;
    if (backlog_bytes_ > kMaxBacklog) {
        lost_ = true;
        backlog_.clear();
        log(LogLevel::kWarning, "context {} submits faster than it is executed: given up", ctx_id_);
        abandon();
        return fail(ENOBUFS, "context {}: {} bytes wait to be executed", ctx_id_, backlog_bytes_);
    }
    backlog_.push_back({type, {payload.begin(), payload.end()}, std::move(descriptor)});
    // Ask to be told of room, and look again: it may have appeared in between.
    end_.page().front_waits.store(1, std::memory_order_seq_cst);
    drain_backlog();
    return {};
}

bool ContextLink::try_send(RecordType type, std::span<const std::byte> payload, int descriptor) {
    if (!ring_.has_room(payload.size())) return false;
    if (descriptor >= 0) {
        transport::DescriptorMessage message{};
        std::memcpy(&message.cookie, payload.data(), sizeof(message.cookie));  // each call's first
        if (!transport::send_message(end_.socket.get(), std::as_bytes(std::span(&message, 1)),
                                     descriptor))
            return false;
    }
    return ring_.push(type, payload);
}

void ContextLink::drain_backlog() {
    bool sent = false;
    while (!backlog_.empty()) {
        Outgoing& next = backlog_.front();
        if (!try_send(next.type, next.payload, next.descriptor.get())) {
            end_.page().front_waits.store(1, std::memory_order_seq_cst);
            break;
        }
        backlog_bytes_ -= next.payload.size() + kBacklogEntryCost;
        backlog_.pop_front();
        sent = true;
    }
    if (sent) ring_doorbell();
}

void ContextLink::ring_doorbell() {
    if (end_.page().worker_sleeps.exchange(0, std::memory_order_seq_cst) != 0)
        transport::signal_event(end_.doorbell.get());
}

Result<ContextLink::Answer> ContextLink::wait_until_ready() {
    const std::lock_guard lock(ask_mutex_);
    return receive();
}

Result<ContextLink::Answer> ContextLink::ask_bytes(RecordType type, uint64_t cookie,
                                                   std::span<const std::byte> call) {
    const std::lock_guard lock(ask_mutex_);
    inbox_.expect(cookie);
    if (auto status = send(type, call, {}); !status) {
        inbox_.forget();
        return tl::unexpected(status.error());
    }
    return receive();
}

Result<ContextLink::Answer> ContextLink::receive() {
    auto answer = inbox_.wait(std::chrono::steady_clock::now() + answer_time());
    // The fence thread has missed the hang-up if it came meanwhile.
    if (!answer && inbox_.hung_up()) transport::signal_event(end_.notify.get());
    return answer;
}

Status ContextLink::add_fence(uint32_t ring_idx, uint64_t fence_id) {
    const std::lock_guard lock(mutex_);
    const auto place = fences_.add(ring_idx, fence_id);
    const transport::FenceCall call{0, place.count, place.ring, 0};
    const auto status = send_locked(RecordType::kFence, std::as_bytes(std::span(&call, 1)), {});
    // A lost context's fences still retire: the fence thread takes them.
    if (!status) transport::signal_event(end_.notify.get());
    return {};
}

std::optional<FenceQueue::Place> ContextLink::find_fence(uint64_t fence_id) {
    const std::lock_guard lock(mutex_);
    return fences_.find(fence_id);
}

void ContextLink::quit() {
    const std::lock_guard lock(mutex_);
    (void)send_locked(RecordType::kQuit, {}, {});  // a lost context ends anyway
}

void ContextLink::abandon() {
    end_.page().abandoned.store(1);
    transport::signal_event(end_.doorbell.get());
}

bool ContextLink::collect(std::vector<RetiredFence>& out) {
    transport::clear_event(end_.notify.get());
    const bool exited = end_.page().exited.load(std::memory_order_acquire) != 0 || inbox_.hung_up();
    const std::lock_guard lock(mutex_);
    if (!lost_ && !exited) drain_backlog();
    fences_.take_retired(end_.page(), out);
    if (exited || lost_) fences_.take_all(out);
    if (exited) slot_.clear_charge();
    return exited;
}

}  // namespace viaduct
