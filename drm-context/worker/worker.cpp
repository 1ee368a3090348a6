#include "drm-context/worker/worker.h"

#include <poll.h>

#include <algorithm>
#include <cstring>

#include "base/clock.h"
#include "blob/mapping.h"
#include "blob/memfd.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/worker/record_fields.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using transport::RecordType;

namespace {

// Records between two looks at the fences: one context's flood of commands must not hold back its
// own fences for long.
constexpr int kRecordsPerTurn = 64;
// How often fences without a descriptor are asked for.
constexpr milliseconds kAskInterval{2};
// A reset that hurts a context leaves an error in the fences of its unfinished work; other losses
// (of the GPU's memory, say) are looked for as often. Each look is an ioctl per GPU context.
constexpr int64_t kResetCheckInterval = 100'000'000;  // ns
// The front kills at once: after this it is not able to.
constexpr milliseconds kKillTime{10'000};
// Descriptors are sent before their record: only a front that died keeps us waiting.
constexpr milliseconds kDescriptorTime{1000};

// Of monotonic_ns(); INT64_MAX is never.
steady_clock::time_point time_point_of(int64_t ns) {
    if (ns == INT64_MAX) return steady_clock::time_point::max();
    return steady_clock::time_point(std::chrono::nanoseconds(ns));
}

transport::Reply error_reply(uint64_t cookie, const Error& error) {
    transport::Reply reply{};
    reply.cookie = cookie;
    reply.error = error.code;
    std::memcpy(reply.message, error.message.data(),
                std::min(error.message.size(), sizeof(reply.message) - 1));
    return reply;
}

// A SIGBUS would follow a step past the end of the memory.
Result<Mapping> map_whole(const UniqueFd& memory, uint64_t size) {
    const auto there = object_size(memory.get());
    if (!there) return tl::unexpected(there.error());
    if (size > *there) return fail(EINVAL, "{} bytes exceed their memory of {}", size, *there);
    return Mapping::map_shared(memory.get(), 0, size);
}

}  // namespace

struct Worker::RecordRule {
    RecordType type;
    void (Worker::*process)(Payload payload);
};

const Worker::RecordRule Worker::kRules[] = {
    {RecordType::kSubmit, &Worker::submit},
    {RecordType::kSubmitMemory, &Worker::submit_memory},
    {RecordType::kControlBuffer, &Worker::control_buffer},
    {RecordType::kCreateBlob, &Worker::create_blob},
    {RecordType::kMapSource, &Worker::map_source},
    {RecordType::kExportBlob, &Worker::export_blob},
    {RecordType::kImageLayout, &Worker::image_layout},
    {RecordType::kAttach, &Worker::attach},
    {RecordType::kDetach, &Worker::detach},
    {RecordType::kFence, &Worker::fence},
    {RecordType::kExportFence, &Worker::export_fence},
    {RecordType::kInFence, &Worker::in_fence},
};

Worker::Worker(const transport::ChannelEnd& end, std::unique_ptr<DriverContext> context,
               Ending ending)
    : end_(end),
      ending_(ending),
      ring_(end_.page(), end_.ring_bytes()),
      context_(std::move(context)),
      loop_(*context_, end_.page().abandoned, [this] { between_commands(); }),
      timelines_({
          .done = [this](RingIndex ring, const Timelines::Work& work) { done(ring, work); },
          .retired = [this](RingIndex ring, uint64_t count,
                            uint32_t request) { retired(ring, count, request); },
          .merge =
              [this](int a, int b) {
                  auto merged = context_->device().merge_sync_files(a, b);
                  return merged ? *std::move(merged) : UniqueFd();
              },
          .ring_idle = [this](RingIndex ring) { return !context_ || context_->rings().idle(ring); },
      }),
      limited_(context_->account().limits().limits_gpu_time()) {
    // A thread stays where it is: the VMM's own filter may kill it otherwise (crosvm:
    // gpu_common.policy).
    if (ending_ == Ending::kByKill) spare_processor_.emplace();
}

bool Worker::abandoned() const {
    return end_.page().abandoned.load(std::memory_order_relaxed) != 0;
}

bool Worker::asked_to_quit() const {
    return end_.page().quit.load(std::memory_order_seq_cst) != 0;
}

void Worker::run() {
    while (!quit_ && !abandoned()) {
        timelines_.advance();  // first: what is done makes room for what is held
        report_if_due();
        const bool more = process_records();
        if (!more && !quit_) wait_for_work();
        context_->meter().measure_if_due(monotonic_ns());
    }
    report_retired();
    finish_submitted_work();
}

bool Worker::process_records() {
    release_held();
    const bool no_more = asked_to_quit();  // before the ring: nothing comes into it afterwards
    if (no_more) context_->control().guest_ring().close();
    for (int i = 0; i < kRecordsPerTurn && !quit_; ++i) {
        const auto record = ring_.peek();
        const bool passed_by = has_passed_by(record.has_value());
        if (!record && !passed_by && no_more) quit_ = true;  // what is held has its time
        if (passed_by || held_.full()) ring_.put_back();     // it may be answered ahead of its turn
        if ((!record && !passed_by) || held_.full()) return false;
        report_if_due();
        if (passed_by) {
            take_from_guest_ring();
            continue;
        }
        take(record->type, record->payload);
        ring_.pop();
        passed_by_until_.reset();
        if (end_.page().front_waits.exchange(0, std::memory_order_seq_cst) != 0)
            transport::signal_event(end_.notify.get());
    }
    return true;
}

// Whether there are requests in the guest's ring to be taken now. If a record of the front waits,
// those that are there at the first look after it: what the guest wrote before it went to the VMM
// is among them, and no flood of others keeps the record waiting.
bool Worker::has_passed_by(bool record_waits) {
    const GuestRing& guest_ring = context_->control().guest_ring();
    if (!record_waits) return !guest_ring.empty();
    if (!passed_by_until_) passed_by_until_ = guest_ring.written();
    return guest_ring.has_before(*passed_by_until_);
}

void Worker::take_from_guest_ring() {
    const auto requests = context_->control().guest_ring().take();
    if (requests)
        take(RecordType::kSubmit, *requests);
    else
        report("requests lost", requests.error());
}

void Worker::process(const Record& record) {
    if (!was_answered_ahead(record)) dispatch(record);
}

void Worker::dispatch(const Record& record) {
    for (const RecordRule& rule : kRules)
        if (rule.type == record.type) return (this->*rule.process)(record.payload);
}

void Worker::wait_for_work() {
    if (look_for_more()) return;
    auto& sleeps = end_.page().worker_sleeps;
    GuestRing& guest_ring = context_->control().guest_ring();
    sleeps.store(1, std::memory_order_seq_cst);
    guest_ring.show_awake(false);
    const int64_t due = std::min(context_->meter().due(), report_due_);
    const bool nothing_came = ring_.empty() && guest_ring.empty() && !asked_to_quit();
    if ((nothing_came || held_.full()) && !abandoned())
        sleep_until(time_point_of(held_.empty() ? due : std::min(due, look_again_)));
    sleeps.store(0, std::memory_order_relaxed);
    guest_ring.show_awake(true);
}

// Of a guest that would send more without the VMM, and of work that ends meanwhile. True if there
// is something to do.
bool Worker::look_for_more() {
    const GuestRing& guest_ring = context_->control().guest_ring();
    if (!guest_ring.is_used() || !held_.empty() || !brief_wait_.is_promising()) return false;
    const bool found = brief_wait_.wait([&] {
        timelines_.advance();
        report_if_due();
        return !guest_ring.empty() || !ring_.empty() || asked_to_quit() || abandoned();
    });
    if (spare_processor_) spare_processor_->worked(monotonic_ns());
    return found;
}

void Worker::sleep_until(steady_clock::time_point deadline) {
    pending_.clear();
    const bool ask = timelines_.append_pending(pending_);
    // Of the socket only errors are asked for: the front's death shows as a hang-up.
    poll_list_.assign({{end_.doorbell.get(), POLLIN, 0}, {end_.socket.get(), 0, 0}});
    for (const int fence : pending_) poll_list_.push_back({fence, POLLIN, 0});

    if (spare_processor_) deadline = std::min(deadline, time_point_of(spare_processor_->calm_at()));
    int timeout = ask ? static_cast<int>(kAskInterval.count()) : -1;
    if (deadline != steady_clock::time_point::max()) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
        const int until = static_cast<int>(std::max<int64_t>(left, 0));
        timeout = timeout < 0 ? until : std::min(timeout, until);
    }
    ::poll(poll_list_.data(), poll_list_.size(), timeout);
    if (spare_processor_) spare_processor_->slept(monotonic_ns());
    if (poll_list_[0].revents & POLLIN) transport::clear_event(end_.doorbell.get());
    if (poll_list_[1].revents & (POLLHUP | POLLERR)) quit_ = true;
}

void Worker::finish_submitted_work() {
    const auto deadline = steady_clock::now() + kWorkerFinishTime;
    for (;;) {
        if (!abandoned()) release_held();
        for (uint32_t ring = 0; ring < kMaxRings; ++ring) add_work(RingIndex(ring));
        if (!has_unfinished_work() || abandoned() || steady_clock::now() >= deadline) break;
        sleep_until(std::min(deadline, time_point_of(look_again_)));
        timelines_.advance();
    }
    context_->meter().measure(monotonic_ns());
    if (has_unfinished_work() && ending_ == Ending::kByKill) await_kill();
    context_.reset();  // closes the device
    timelines_.retire_all();
}

void Worker::await_kill() {
    transport::Reply message{};
    message.cookie = transport::kPendingWorkCookie;
    if (const UniqueFd work = timelines_.export_all()) reply(message, work.get());
    end_.page().asks_for_kill.store(1, std::memory_order_release);
    transport::signal_event(end_.notify.get());
    pollfd socket{end_.socket.get(), 0, 0};  // hangs up with the front
    ::poll(&socket, 1, static_cast<int>(kKillTime.count()));
}

// Follows the work submitted to the ring since the last call to its end.
void Worker::add_work(RingIndex ring, int64_t submitted_ns, uint64_t command_bytes) {
    if (!context_->rings().has_new_work(ring)) return;
    UniqueFd newest = context_->rings().take_newest(ring);
    timelines_.add_work(
        ring, {std::move(newest), context_->statistics().mark(ring), submitted_ns, command_bytes});
}

// To the front: a worker that waits for the GPU takes no records in the end, and is not hung.
void Worker::show_wait() {
    end_.page().awaits_gpu_since.store(held_.empty() ? 0 : monotonic_ns(),
                                       std::memory_order_relaxed);
}

void Worker::done(RingIndex ring, const Timelines::Work& work) {
    if (!held_.empty()) show_wait();
    const int64_t now = monotonic_ns();
    const auto state = work.sync_file ? context_->device().sync_file_state(work.sync_file.get())
                                      : Result<SyncFileState>(SyncFileState());
    // The guest must be able to read of a reset before the fence retires.
    if (!state || state->status < 0 || now >= next_reset_check_ns_) {
        context_->check_for_reset();
        next_reset_check_ns_ = now + kResetCheckInterval;
    }
    context_->statistics().completed(ring, work.submissions, now);
    context_->work_ended(ring, work.submissions, state && state->status < 0);
    if (work.submitted_ns != 0)
        context_->meter().add_job(
            {.ring = ring,
             .size = work.command_bytes,
             .submitted_ns = work.submitted_ns,
             .finished_ns = state && state->finished_ns != 0 ? state->finished_ns : now});
    context_->meter().note_work(now);
}

// The guest first: then it need not hear of the fence through the VMM, which may take a while for
// several at once.
void Worker::retired(RingIndex ring, uint64_t count, uint32_t request) {
    if (context_) context_->control().publish_finished(ring, request);
    if (count == 0) return;
    end_.page().retired[ring.value()].store(count, std::memory_order_release);
    if (!context_ || quit_ || !context_->control().is_looked_for(ring, request))
        report_retired();
    else if (report_due_ == INT64_MAX)
        report_due_ = monotonic_ns() + wire::FinishedWork::kLongestDelay;
}

void Worker::report_if_due() {
    if (report_due_ != INT64_MAX && report_due_ <= monotonic_ns()) report_retired();
}

void Worker::report_retired() {
    report_due_ = INT64_MAX;
    transport::signal_event(end_.notify.get());
}

void Worker::report(const char* cause, const Error& error) {
    context_->limiter().log(LogLevel::kWarning, cause, "{}: {}: {}", context_->name(), cause,
                            error.message);
}

void Worker::reply(transport::Reply reply, int descriptor) {
    const auto sent =
        transport::send_message(end_.socket.get(), std::as_bytes(std::span(&reply, 1)), descriptor);
    if (sent) {
        // A call that waits for it reads the socket. The flag is for answers that none waits for.
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (end_.page().front_listens.load(std::memory_order_relaxed) != 0)
            transport::signal_event(end_.notify.get());
        return;
    }
    report("answer to the front", sent.error());
    // The VMM waits for the answer. A process of a user that has many descriptors under way already
    // can send no further one (ETOOMANYREFS; unix(7)).
    if (descriptor >= 0) reply_error(reply.cookie, sent.error());
}

void Worker::reply_error(uint64_t cookie, const Error& error) {
    reply(error_reply(cookie, error), -1);
}

UniqueFd Worker::take_descriptor(uint64_t cookie) {
    if (arrived_) return std::move(arrived_);  // while its record was held
    const auto deadline = steady_clock::now() + kDescriptorTime;
    for (;;) {
        transport::DescriptorMessage message{};
        auto descriptor = transport::receive_message(
            end_.socket.get(), std::as_writable_bytes(std::span(&message, 1)), deadline);
        if (!descriptor) return UniqueFd();
        if (message.cookie == cookie) return *std::move(descriptor);
    }
}

void Worker::submit(Payload payload) {
    run_commands(payload, CommandLoop::Seqno::kPublish);
}

void Worker::run_commands(Payload payload, CommandLoop::Seqno seqno) {
    if (const auto status = loop_.run(payload, seqno); !status)
        report("command refused", status.error());
}

Mapping Worker::map_submission(Payload payload) {
    const auto call = payload_as<transport::SubmitMemory>(payload);
    auto bytes = map_whole(take_descriptor(call.cookie), call.size);
    if (bytes) return *std::move(bytes);
    // The guest may wait for any command in it. The front, for whom this end comes unasked, lets it
    // go on.
    report("large submission lost", bytes.error());
    quit_ = true;
    return {};
}

void Worker::submit_memory(Payload payload) {
    const Mapping bytes = map_submission(payload);
    if (bytes.valid()) submit(bytes.bytes());
}

void Worker::control_buffer(Payload payload) {
    const auto call = payload_as<transport::DescriptorMessage>(payload);
    const auto status = context_->adopt_control_buffer(take_descriptor(call.cookie));
    if (status) return;
    // Its guest would wait for ever: the front, for whom this end comes unasked, lets it go on.
    report("control buffer not mapped", status.error());
    quit_ = true;
}

void Worker::create_blob(Payload payload) {
    const auto call = payload_as<transport::CreateBlob>(payload);
    const bool announced = announced_.erase(call.blob_id) != 0;
    auto blob =
        context_->create_blob({ResourceId(call.res_id), call.blob_flags, call.blob_id, call.size});
    context_->control().guest_ring().count_blob();
    transport::Reply answer = blob ? transport::Reply{} : error_reply(call.cookie, blob.error());
    answer.cookie = call.cookie;
    answer.blob_id = call.blob_id;
    if (!blob) return reply(answer, -1);
    answer.cache = static_cast<uint32_t>(blob->cache);
    // Guests' kernels map what can be mapped at once: that need not be another question.
    if (!blob->fd && (call.blob_flags & kBlobMappable) && !announced) {
        if (auto source = context_->map_source(ResourceId(call.res_id))) {
            answer.offset = source->offset;
            answer.has_place = 1;
            blob->fd = std::move(source->fd);
        }
    }
    reply(answer, blob->fd.get());
}

void Worker::map_source(Payload payload) {
    const auto call = payload_as<transport::ResourceCall>(payload);
    auto source = context_->map_source(ResourceId(call.res_id));
    if (!source) return reply_error(call.cookie, source.error());
    transport::Reply answer{};
    answer.cookie = call.cookie;
    answer.offset = source->offset;
    reply(answer, source->fd.get());
}

void Worker::export_blob(Payload payload) {
    const auto call = payload_as<transport::ResourceCall>(payload);
    const auto dmabuf = context_->export_blob(ResourceId(call.res_id));
    if (!dmabuf) return reply_error(call.cookie, dmabuf.error());
    transport::Reply answer{};
    answer.cookie = call.cookie;
    reply(answer, dmabuf->get());
}

void Worker::image_layout(Payload payload) {
    const auto call = payload_as<transport::ResourceCall>(payload);
    const auto found = context_->image_layout(ResourceId(call.res_id));
    if (!found) return reply_error(call.cookie, found.error());
    const transport::Layout layout{found->modifier, found->fourcc, found->width, found->height,
                                   found->stride};
    transport::Reply answer{};
    answer.cookie = call.cookie;
    std::memcpy(answer.message, &layout, sizeof(layout));
    reply(answer, -1);
}

void Worker::attach(Payload payload) {
    const auto call = payload_as<transport::ResourceCall>(payload);
    const auto status =
        context_->attach_resource(ResourceId(call.res_id), take_descriptor(call.cookie));
    if (!status) report("resource not attached", status.error());
}

void Worker::detach(Payload payload) {
    context_->detach_resource(resource_of(RecordType::kDetach, payload));
}

void Worker::fence(Payload payload) {
    const auto call = payload_as<transport::FenceCall>(payload);
    if (call.ring >= kMaxRings) return;
    const RingIndex ring(call.ring);
    add_work(ring);
    timelines_.add_fence(ring, call.count, context_->control().published());
}

void Worker::export_fence(Payload payload) {
    const auto call = payload_as<transport::FenceCall>(payload);
    const UniqueFd fence = call.ring < kMaxRings
                               ? timelines_.export_fence(RingIndex(call.ring), call.count)
                               : UniqueFd();
    if (!fence) return reply_error(call.cookie, {ENOENT, "the fence has retired"});
    transport::Reply answer{};
    answer.cookie = call.cookie;
    reply(answer, fence.get());
}

void Worker::in_fence(Payload payload) {
    const auto call = payload_as<transport::FenceCall>(payload);
    const auto status = context_->in_fence().add(take_descriptor(call.cookie));
    if (!status) report("in-fence lost", status.error());
}

void announce_worker(int socket, const Status& status, int device_fd) {
    const transport::Reply reply = status ? transport::Reply{} : error_reply(0, status.error());
    // A front that is gone needs no answer.
    (void)transport::send_message(socket, std::as_bytes(std::span(&reply, 1)), device_fd);
}

}  // namespace viaduct
