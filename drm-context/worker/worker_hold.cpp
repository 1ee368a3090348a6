// Worker: holding submissions back that the kernel would block on, and those that the VM's share of
// GPU time asks to hold back.
//
// amdgpu lets a GPU context have 32 unfinished submissions per ring (amdgpu_sched_jobs); at the
// next one the CS ioctl sleeps until the oldest is done (amdgpu_ctx_wait_prev_fence), with the
// buffers locked. A worker has one thread: everything behind it would wait too. So the worker waits
// instead, before the ioctl, where it still serves the calls that the VMM waits for.
//
// Counted are the submissions of a ring of the protocol, over all GPU contexts. Each such ring is
// one ring of the kernel's, and the kernel counts a submission by its last IB (the gang leader),
// whose ring is the protocol's, too: a GPU context can never have more there than its ring has
// here.
//
// Records behind a held submission wait too, because its order matters, except what the VMM
// waits for: new buffers, their mapping and their export. These depend on no submission.
#include "base/clock.h"
#include "drm-context/account/token_bucket.h"
#include "drm-context/context/requests.h"
#include "drm-context/worker/record_fields.h"
#include "drm-context/worker/worker.h"

namespace viaduct {

using transport::RecordType;

namespace {

// Unfinished submissions per ring: enough that the GPU never idles, and fewer than the kernel's 32.
// An administrator can lower those to 4 (module parameter sched_jobs); then the kernel blocks.
constexpr uint64_t kMostOutstanding = 24;
// After so many submissions without a guest's fence the worker takes one of its own: a third of
// kMostOutstanding, so that the wait ends well before the ring runs dry. With a share each job is
// measured; and a guest that sends some without the VMM looks for the end of each.
constexpr uint64_t kMarkEvery = 8;

bool brings_descriptor(RecordType type) {
    return type == RecordType::kControlBuffer || type == RecordType::kAttach ||
           type == RecordType::kInFence;
}

}  // namespace

// A record from the ring: executed, or held.
void Worker::take(RecordType type, Payload payload) {
    if (type == RecordType::kSubmit) return take_buffer(payload);
    if (type == RecordType::kSubmitMemory) return take_large(payload);
    take_part(type, payload, GuestSubmission());
}

// One submission at a time is let through, so that a buffer with many of them gains nothing.
void Worker::take_buffer(Payload payload) {
    do {
        const BufferPart part = first_part(payload, context_->traits());
        take_part(RecordType::kSubmit, payload.first(part.bytes), part.submission);
        if (part.last_seqno) context_->control().guest_ring().note_taken(*part.last_seqno);
        payload = payload.subspan(part.bytes);
    } while (!payload.empty());
}

void Worker::take_large(Payload payload) {
    const auto bytes = map_submission(payload);
    if (bytes.valid()) take_buffer(bytes.bytes());
}

void Worker::take_part(RecordType type, Payload payload, const GuestSubmission& submission) {
    if (held_.empty() && !(submission && must_hold(submission)))
        return execute(type, payload, submission);
    if (is_blob_call(type) && !held_.changes_resource(resource_of(type, payload)))
        return process({type, payload});
    const bool creates = type == RecordType::kSubmit && only_creates(payload, context_->traits());
    if (creates) run_commands(payload, CommandLoop::Seqno::kKeep);
    hold({type,
          {payload.begin(), payload.end()},
          brings_descriptor(type) ? take_descriptor(cookie_of(payload)) : UniqueFd(),
          creates,
          submission});
}

void Worker::hold(HeldRecords::Held record) {
    const bool first = held_.empty();
    held_.push(std::move(record));
    if (first) show_wait();
}

// True once nothing is held any more.
bool Worker::release_held() {
    while (!held_.empty()) {
        HeldRecords::Held& first = held_.front();
        if (first.executed) {
            loop_.publish(first.payload);
        } else {
            if (first.submission && must_hold(first.submission)) return false;
            arrived_ = held_.take_descriptor();
            execute(first.type, first.payload, first.submission);
            arrived_.reset();
        }
        held_.pop();
        if (held_.empty()) show_wait();
    }
    return true;
}

void Worker::execute(RecordType type, Payload payload, const GuestSubmission& submission) {
    if (!submission) return process({type, payload});
    const int64_t now = limited_ ? monotonic_ns() : 0;
    process({type, payload});
    const RingIndex ring = ring_of(submission);
    const bool followed = context_->take_followed();
    const bool may_be_looked_for = context_->control().guest_ring().is_used();
    const bool each = limited_ || may_be_looked_for;
    const bool marked = context_->statistics().unmarked(ring) >= (each ? 1 : kMarkEvery);
    if (followed || marked) add_work(ring, now, submission.bytes);
    // Of one that was refused there is nothing to wait for.
    if (may_be_looked_for && context_->rings().has(ring))
        timelines_.add_request(ring, context_->control().published());
}

// Of a queue that does not exist: no ring's number. A command before the submission may make it.
RingIndex Worker::ring_of(const GuestSubmission& submission) const {
    if (submission.names == RingField::Names::kRing) return RingIndex(submission.named);
    return context_->ring_of_queue(submission.named).value_or(RingIndex(UINT32_MAX));
}

uint64_t Worker::most_outstanding(RingIndex ring) const {
    if (!limited_) return kMostOutstanding;
    return most_unpaid(context_->meter().typical_ns(context_->statistics().class_of(ring)),
                       context_->account().limits());
}

bool Worker::must_hold(const GuestSubmission& submission) {
    const RingIndex ring = ring_of(submission);
    if (!context_->rings().has(ring)) return false;
    look_again_ = INT64_MAX;  // a fence wakes the worker
    if (context_->statistics().outstanding(ring) >= most_outstanding(ring)) return true;
    return limited_ && must_wait_for_share(ring);
}

// Also when to look again, if so. No longer than kMaxHold, whatever the figures are.
bool Worker::must_wait_for_share(RingIndex ring) {
    const int64_t now = monotonic_ns();
    context_->meter().note_work(now);
    const int64_t wait = context_->account().hold_time(context_->statistics().class_of(ring), now);
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

}  // namespace viaduct
