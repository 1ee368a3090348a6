#include "drm-context/front/context_link.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/log.h"
#include "blob/memfd.h"
#include "drm-context/native_context.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

using std::chrono::steady_clock;
using transport::RecordType;
using namespace std::chrono_literals;

namespace {

// The longest that a worker may take to let submitted work finish, and to end.
constexpr std::chrono::milliseconds kQuitTime = kWorkerFinishTime + 1000ms;

Result<UniqueFd> memory_with(std::span<const std::byte> payload) {
    auto memory = create_sealed_memfd("viaduct-submission", payload.size());
    if (!memory) return memory;
    auto bytes = Mapping::map_shared(memory->get(), 0, payload.size());
    if (!bytes) return tl::unexpected(bytes.error());
    std::memcpy(bytes->data(), payload.data(), payload.size());
    return memory;
}

}  // namespace

ContextLink::ContextLink(ContextId ctx_id, transport::ChannelEnd end,
                         std::shared_ptr<DeviceFile> file, std::shared_ptr<TaskThread> closer,
                         std::shared_ptr<Patience> patience, std::shared_ptr<VmTraffic> traffic,
                         Bookings bookings)
    : ctx_id_(ctx_id),
      end_(std::move(end)),
      closer_(std::move(closer)),
      inbox_(ctx_id, end_.socket.get(), end_.notify.get(), end_.page().front_listens,
             [this](UniqueFd fd) { discard(std::move(fd)); }),
      patience_(std::move(patience), steady_clock::now()),
      bookings_(std::move(bookings)),
      outbox_(end_, traffic ? std::move(traffic) : std::make_shared<VmTraffic>(nullptr, nullptr)),
      file_(std::move(file)),
      max_payload_(outbox_.max_payload()) {
    inbox_.expect(transport::kReadyCookie);
}

// The messages in the socket may hold the last duplicate of the GPU's file.
ContextLink::~ContextLink() {
    discard(std::move(pending_work_));
    worker_.reset();
    discard(std::move(end_.socket));
}

Status ContextLink::send(RecordType type, std::span<const std::byte> payload, SharedFd descriptor) {
    // It would never go through, and everything behind it would wait.
    if (descriptor && ::fcntl(descriptor->get(), F_GETFD) < 0)
        return fail(EBADF, "context {}: descriptor {} is not open", ctx_id_, descriptor->get());
    if (payload.size() > max_payload_) return send_large(payload);
    const LockGuard lock(mutex_);
    return send_locked({.type = type, .payload = payload, .descriptor = std::move(descriptor)});
}

Status ContextLink::send(RecordType type, std::span<const std::byte> payload) {
    if (payload.size() > max_payload_) return send_large(payload);
    const LockGuard lock(mutex_);
    return send_locked(type, payload);
}

// The next record wakes the worker, or whoever wants the answer after all, or check_progress().
Status ContextLink::send_without_hurry(RecordType type, std::span<const std::byte> payload) {
    const LockGuard lock(mutex_);
    if (lost_ || !outbox_.send_without_hurry(type, payload)) return send_locked(type, payload);
    ++records_since_turn_;
    return {};
}

// Copied without the lock: the fence thread needs that for other contexts' sake.
Status ContextLink::send_large(std::span<const std::byte> payload) {
    if (payload.size() > kMaxSubmission)
        return refuse({E2BIG, fmt::format("a submission of {} bytes exceeds the maximum of {}",
                                          payload.size(), kMaxSubmission)});
    if (is_lost()) return fail(ENOBUFS, "context {} is lost", ctx_id_);
    auto memory = memory_with(payload);
    if (!memory)
        return refuse({memory.error().code, fmt::format("a submission of {} bytes is lost: {}",
                                                        payload.size(), memory.error().message)});
    const transport::SubmitMemory call{++last_cookie_, payload.size()};
    const LockGuard lock(mutex_);
    return send_locked({.type = RecordType::kSubmitMemory,
                        .payload = std::as_bytes(std::span(&call, 1)),
                        .descriptor = std::make_shared<const UniqueFd>(*std::move(memory)),
                        .books = Outbox::Books::kHere,
                        .beside = payload.size()});
}

bool ContextLink::is_lost() {
    const LockGuard lock(mutex_);
    return lost_;
}

// The guest may wait for any command in what is refused.
Status ContextLink::refuse(Error error) {
    const LockGuard lock(mutex_);
    lose(error.message);
    return tl::unexpected(std::move(error));
}

Status ContextLink::send_locked(Outbox::Record record) {
    if (lost_) return fail(ENOBUFS, "context {} is lost", ctx_id_);
    ++records_since_turn_;
    auto sent = outbox_.send(std::move(record));
    if (!sent) lose(sent.error().message);
    return sent;
}

Status ContextLink::wait_until_started(std::chrono::milliseconds most) {
    const auto start = steady_clock::now();
    const auto allowed = std::min<steady_clock::duration>(most, patience_.allowance(start));
    auto status = wait_for_start(start + allowed);
    charge(start, status ? 0 : status.error().code);
    return status;
}

Status ContextLink::wait_for_start(Deadline deadline) {
    const LockGuard lock(mutex_);
    ++waiting_for_start_;
    const bool known = started_.wait_until(
        mutex_, deadline, [this]() VIADUCT_REQUIRES(mutex_) { return start_ != Start::kUnderWay; });
    --waiting_for_start_;
    if (!known) {
        start_is_late_ = true;
        return fail(ETIMEDOUT, "the worker of context {} is still starting", ctx_id_);
    }
    if (start_ == Start::kFailed) return tl::unexpected(start_error_);
    return {};
}

std::shared_ptr<DeviceFile> ContextLink::file() {
    const LockGuard lock(mutex_);
    return file_;
}

// While it starts, nothing takes the file away.
void ContextLink::adopt_node(UniqueFd node) {
    file()->adopt(std::move(node), DeviceFile::Kind::kRenderNode);
}

Status ContextLink::send_node() {
    const transport::DescriptorMessage message{transport::kReadyCookie};
    return transport::send_message(end_.socket.get(), std::as_bytes(std::span(&message, 1)),
                                   file()->fd());
}

void ContextLink::expect_worker() {
    inbox_.ask_for_senders(transport::Senders::kNamed);
}

void ContextLink::set_worker(std::unique_ptr<WorkerHandle> worker) {
    std::unique_ptr<WorkerHandle> old;  // ends without the lock
    const LockGuard lock(mutex_);
    old = std::exchange(worker_, std::move(worker));
    if (lost_) end_worker();
}

Status ContextLink::wait_for_first_word(steady_clock::time_point deadline) {
    auto word = inbox_.wait(deadline);
    if (!word) return tl::unexpected(word.error());
    inbox_.ask_for_senders(transport::Senders::kUnnamed);
    {
        const LockGuard lock(mutex_);
        worker_process_ = word->sender;
    }
    // A render node is the front's own; a simulated GPU was opened by the worker.
    const auto file = this->file();
    if (file->fd() < 0) {
        file->adopt(std::move(word->descriptor), DeviceFile::Kind::kStandIn);
        inbox_.expect_announced_memory();
    } else {
        discard(std::move(word->descriptor));
    }
    return {};
}

void ContextLink::finish_start() {
    const LockGuard lock(mutex_);
    start_ = Start::kDone;
    started_.notify_all();
    watchdog_.note_progress(steady_clock::now());
    outbox_.allow_descriptors();
    if (!lost_) outbox_.drain();
    transport::signal_event(end_.notify.get());  // its worker may have ended since
}

Status ContextLink::replace_socket(UniqueFd socket) {
    const LockGuard lock(mutex_);
    if (::dup3(socket.get(), end_.socket.get(), O_CLOEXEC) < 0)
        return fail(errno, "cannot replace the socket of context {}: {}", ctx_id_,
                    std::strerror(errno));
    end_.page().exited.store(0);
    inbox_.start_anew();
    inbox_.expect(transport::kReadyCookie);
    return {};
}

void ContextLink::fail_start(Error error) {
    const LockGuard lock(mutex_);
    start_ = Start::kFailed;
    start_error_ = std::move(error);
    // A caller that waits, or is about to, reports it. Once that caller has given up, it is not
    // reported.
    if (start_is_late_ && waiting_for_start_ == 0 && !let_go_) lose(start_error_.message);
    lost_ = true;
    end_worker();
    started_.notify_all();
    transport::signal_event(end_.notify.get());
}

void ContextLink::add_fence(RingIndex ring_idx, FenceId fence_id) {
    const LockGuard lock(mutex_);
    const auto place = fences_.add(ring_idx, fence_id);
    const transport::FenceCall call{0, place.count, place.ring.value(), 0};
    const auto payload = std::as_bytes(std::span(&call, 1));
    if (!send_at_once(RecordType::kFence, payload)) send_fence(payload);
}

// A lost context's fences still retire: the fence thread takes them.
void ContextLink::send_fence(std::span<const std::byte> payload) {
    try {
        if (send_locked({.type = RecordType::kFence, .payload = payload})) return;
    } catch (const std::bad_alloc&) {
        lose("out of memory for one of its fences");
    }
    transport::signal_event(end_.notify.get());
}

std::optional<FenceQueue::Place> ContextLink::find_fence(FenceId fence_id) {
    const LockGuard lock(mutex_);
    return fences_.find(fence_id);
}

Status ContextLink::give_control_buffer(UniqueFd memory, std::shared_ptr<const void> charge,
                                        const DriverTraits& traits) {
    const LockGuard lock(mutex_);
    if (notice_.attached()) return fail(EINVAL, "context {} already has a control buffer", ctx_id_);
    if (lost_) return fail(ENOBUFS, "context {} is lost", ctx_id_);
    if (auto status = notice_.attach(memory.get(), traits); !status) return status;
    control_charge_ = std::move(charge);
    const transport::DescriptorMessage call{++last_cookie_};
    return send_locked({.type = RecordType::kControlBuffer,
                        .payload = std::as_bytes(std::span(&call, 1)),
                        .descriptor = std::make_shared<const UniqueFd>(std::move(memory)),
                        .books = Outbox::Books::kHere});
}

void ContextLink::quit() noexcept {
    const LockGuard lock(mutex_);
    let_go_ = steady_clock::now();
    outbox_.quit();
    transport::signal_event(end_.notify.get());  // its worker may have ended before
}

void ContextLink::abandon() noexcept {
    const LockGuard lock(mutex_);
    let_go_ = steady_clock::now();
    lost_ = true;
    end_worker();
    transport::signal_event(end_.notify.get());
}

bool ContextLink::winds_down() {
    const LockGuard lock(mutex_);
    return let_go_ && !ended_;
}

bool ContextLink::end_within(std::chrono::milliseconds most) {
    const auto start = steady_clock::now();
    const auto allowed = std::min<steady_clock::duration>(most, patience_.allowance(start));
    bool ended = false;
    {
        const LockGuard lock(mutex_);
        lost_ = true;
        end_worker();
        ended = ended_changed_.wait_until(
            mutex_, start + allowed,
            [this]() VIADUCT_REQUIRES(mutex_) { return ended_.has_value(); });
    }
    charge(start, ended ? 0 : ETIMEDOUT);
    return ended;
}

void ContextLink::end_worker() noexcept {
    end_.page().abandoned.store(1);
    transport::signal_event(end_.doorbell.get());
    if (worker_) worker_->kill();
}

void ContextLink::lose(std::string_view why) {
    if (lost_) return;
    lost_ = true;
    outbox_.clear();
    if (file_) file_->slot().count_loss();
    log_report(LogLevel::kWarning, "context {} is lost: {}", ctx_id_, why);
    end_worker();
    notice_.post();
    transport::signal_event(end_.notify.get());  // its fences retire
}

// A worker can lie here: it prolongs its own life, and harms its own context.
bool ContextLink::waits_for_the_kernel() const {
    return end_.page().in_kernel_since.load(std::memory_order_relaxed) != 0 ||
           end_.page().awaits_gpu_since.load(std::memory_order_relaxed) != 0;
}

bool ContextLink::has_progressed(size_t waiting_before) {
    const transport::SharedPage& page = end_.page();
    const std::array<uint64_t, 3> news = {
        page.tail.load(std::memory_order_relaxed),
        static_cast<uint64_t>(page.in_kernel_since.load(std::memory_order_relaxed)),
        static_cast<uint64_t>(page.awaits_gpu_since.load(std::memory_order_relaxed))};
    const bool idle = start_ == Start::kUnderWay || outbox_.idle();
    return idle || std::exchange(last_news_, news) != news || outbox_.waiting() < waiting_before;
}

// Of the thread that executes the context.
std::optional<ThreadUse> ContextLink::worker_use() const {
    if (ended_ || worker_process_ == 0 || !worker_) return std::nullopt;
    const pid_t thread = worker_->thread_id();
    return thread_use(worker_process_, thread != 0 ? thread : worker_process_);
}

void ContextLink::kill_if_asked() {
    if (!ended_ && end_.page().asks_for_kill.load(std::memory_order_acquire) != 0) end_worker();
}

// The kernel keeps the memory of running work, even if its process has ended; and closing
// the file would wait for it.
void ContextLink::look_after_pending_work(steady_clock::time_point now) {
    if (!ended_ || !pending_work_) return;
    pollfd work{pending_work_.get(), POLLIN, 0};
    // The descriptor is a worker's choice: no longer than the kernel lets a job run.
    if (::poll(&work, 1, 0) == 0 && now - *ended_ < slow_worker_time(job_timeout_)) return;
    discard(std::move(pending_work_));
    file_.reset();
    transport::signal_event(end_.notify.get());  // the context is over
}

void ContextLink::check_progress(steady_clock::time_point now) {
    const LockGuard lock(mutex_);
    look_after_pending_work(now);
    kill_if_asked();
    if (lost_ && !ended_) end_worker();  // once more: the last time it may not have been heard
    const size_t waiting = outbox_.waiting();
    // No event reports room outside the ring, such as the kernel's for descriptors under way.
    const Status sent = outbox_.drain();
    outbox_.wake();
    transport::signal_event(end_.notify.get());  // for messages that came without a notification
    if (has_progressed(waiting))
        watchdog_.note_progress(now);
    else
        watchdog_.note_none(now, worker_use());
    const auto most = waits_for_the_kernel() ? slow_worker_time(job_timeout_) : watchdog_time();
    if (!lost_ && !ended_ && watchdog_.stuck() >= most)
        lose(fmt::format("its worker has accepted no command for {} ms{}", most.count(),
                         sent ? "" : ": " + sent.error().message));
    if (file_)
        if (const auto claim = file_->slot().impossible_claim())
            lose(fmt::format("its worker claims {} bytes of GPU memory, more than it can have",
                             *claim));
    // A thread that hangs cannot be ended, but its fences can.
    if (!ended_ && let_go_ && now - *let_go_ >= kQuitTime) lose("its worker did not exit");
}

bool ContextLink::collect(std::vector<RetiredFence>& out) {
    transport::clear_event(end_.notify.get());  // first: what comes from now on signals anew
    const Inbox::News arrived = started() ? inbox_.drain() : Inbox::News();
    if (arrived.more) transport::signal_event(end_.notify.get());
    inbox_.deliver();
    const LockGuard lock(mutex_);
    if (has_ended(arrived) && !ended_) {
        const bool misused = inbox_.misused();
        if (misused) end_worker();
        if (!let_go_)
            lose(misused ? "its worker sent unrequested descriptors" : "its worker has ended");
        if (lost_) notice_.post();  // it may have written since
        pending_work_ = inbox_.take_pending_work();
        ended_ = steady_clock::now();
        outbox_.end_all();
        bookings_.context = {};
        ended_changed_.notify_all();
        control_charge_.reset();
        if (!pending_work_) file_.reset();  // mappings keep it
    }
    kill_if_asked();
    const size_t known = out.size(), waiting = outbox_.waiting();
    if (!lost_ && !ended_) outbox_.drain();
    fences_.take_retired(end_.page(), out);
    judge_turn(out.size() - known + waiting - outbox_.waiting(), arrived.strays);
    if (ended_ || lost_) fences_.take_all(out);
    // With the link goes the device's file, and with that what is charged.
    return ended_ && let_go_ && !pending_work_;
}

// A worker that wakes the fence thread for nothing, again and again, loses its context.
void ContextLink::judge_turn(uint64_t events, uint64_t strays) {
    events += std::exchange(records_since_turn_, 0);
    if (!turns_.take(events, 1 + strays) && !ended_)
        lose("its worker woke the VMM too often without work");
}

bool ContextLink::started() {
    const LockGuard lock(mutex_);
    return start_ != Start::kUnderWay;
}

// A worker that ends before its first word is judged by the starter.
bool ContextLink::has_ended(const Inbox::News& arrived) {
    if (start_ == Start::kUnderWay || (start_ == Start::kFailed && !worker_))
        return start_ == Start::kFailed;
    return end_.page().exited.load(std::memory_order_acquire) != 0 || arrived.hung_up;
}

}  // namespace viaduct
