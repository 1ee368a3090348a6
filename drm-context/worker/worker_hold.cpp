// Worker: holding submissions back for the VM's share of GPU time.
//
// What comes behind a held submission waits too, because its order matters, but for what the VMM
// waits for: new buffers, their mapping and their export. These depend on no submission.
#include <algorithm>
#include <cstring>

#include "drm-context/account/clock.h"
#include "drm-context/account/token_bucket.h"
#include "drm-context/context/request_walk.h"
#include "drm-context/worker/worker.h"

namespace viaduct {

using transport::RecordType;

namespace {

// Time is taken for work that is done: this bounds what a guest can have under way unpaid.
constexpr uint64_t kMostOutstanding = 16;
// How often such a ring is looked at.
constexpr int64_t kOutstandingInterval = 1'000'000;  // ns

uint32_t resource_of(RecordType type, std::span<const std::byte> payload) {
    transport::CreateBlob blob{};
    transport::ResourceCall call{};
    if (type == RecordType::kCreateBlob) {
        std::memcpy(&blob, payload.data(), std::min(sizeof(blob), payload.size()));
        return blob.res_id;
    }
    std::memcpy(&call, payload.data(), std::min(sizeof(call), payload.size()));
    return call.res_id;
}

bool brings_descriptor(RecordType type) {
    return type == RecordType::kControlBuffer || type == RecordType::kAttach ||
           type == RecordType::kInFence;
}

uint64_t cookie_of(std::span<const std::byte> payload) {
    uint64_t cookie = 0;  // each call's first field
    std::memcpy(&cookie, payload.data(), std::min(sizeof(cookie), payload.size()));
    return cookie;
}

}  // namespace

// A record from the ring: executed, or held. One submission at a time is let through, so that a
// buffer with many of them gains nothing.
void Worker::take(RecordType type, Payload payload) {
    if (type == RecordType::kSubmitMemory) return take_large(payload);
    if (type != RecordType::kSubmit) return take_part(type, payload);
    do {
        const size_t bytes = up_to_submission(payload, context_->traits());
        take_part(type, payload.first(bytes));
        payload = payload.subspan(bytes);
    } while (!payload.empty());
}

void Worker::take_large(Payload payload) {
    const auto bytes = map_submission(payload);
    if (bytes.valid()) take(RecordType::kSubmit, bytes.bytes());
}

void Worker::take_part(RecordType type, Payload payload) {
    if (held_.empty() && !must_hold(type, payload)) return process({type, payload});
    const bool blob_call = type == RecordType::kCreateBlob || type == RecordType::kMapSource ||
                           type == RecordType::kExportBlob;
    if (blob_call && !held_.changes_resource(resource_of(type, payload)))
        return process({type, payload});
    const bool creates = type == RecordType::kSubmit && only_creates(payload, context_->traits());
    if (creates) run_commands(payload, CommandLoop::Seqno::kKeep);
    held_.push({type,
                {payload.begin(), payload.end()},
                brings_descriptor(type) ? take_descriptor(cookie_of(payload)) : UniqueFd(),
                creates});
}

// True once nothing is held any more.
bool Worker::release_held() {
    while (!held_.empty() && !quit_) {
        HeldRecords::Held& first = held_.front();
        if (first.executed) {
            loop_.publish(first.payload);
        } else {
            if (must_hold(first.type, first.payload)) return false;
            arrived_ = std::move(first.descriptor);
            process({first.type, first.payload});
            arrived_.reset();
        }
        held_.pop();
    }
    return true;
}

// Also when to look again, if so.
bool Worker::must_hold(RecordType type, Payload payload) {
    if (type != RecordType::kSubmit) return false;
    const uint32_t ring = submission_ring(payload, context_->traits());
    if (ring == 0) return false;
    const int64_t now = monotonic_ns();
    const int64_t wait = hold_time(ring, now);
    if (wait > 0 && (hold_began_ == 0 || now - hold_began_ < kMaxHold)) {
        if (hold_began_ == 0) hold_began_ = now;
        look_again_ = now + wait;
        return true;
    }
    if (hold_began_ != 0)
        context_->account().counters().held_ns.fetch_add(static_cast<uint64_t>(now - hold_began_),
                                                         std::memory_order_relaxed);
    hold_began_ = 0;
    return false;
}

int64_t Worker::hold_time(uint32_t ring, int64_t now) {
    RingStatistics& statistics = context_->statistics();
    if (statistics.outstanding(ring) >= kMostOutstanding) {
        // The guest may have asked for no fence that would tell.
        if (ring > context_->timeline_count() || !context_->ring_idle(ring))
            return kOutstandingInterval;
        statistics.idle(ring, now);
    }
    context_->meter().note_work(now);
    return context_->account().hold_time(statistics.class_of(ring), now);
}

}  // namespace viaduct
