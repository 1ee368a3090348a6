// The front's end of one context: what it sends, what it waits for, which fences are out.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "base/quick_mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/front/device_file.h"
#include "drm-context/front/fence_queue.h"
#include "drm-context/front/inbox.h"
#include "drm-context/front/loss_notice.h"
#include "drm-context/front/outbox.h"
#include "drm-context/front/patience.h"
#include "drm-context/front/timing.h"
#include "drm-context/front/turn_budget.h"
#include "drm-context/front/watchdog.h"
#include "drm-context/transport/channel.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/transport/messages.h"
#include "drm-context/worker/worker_host.h"

namespace viaduct {

/// Shared by the VMM's thread (sends, asks) and the fence thread (retires, drains the backlog).
/// Methods are thread-safe unless they say otherwise.
class ContextLink {
  public:
    ~ContextLink();
    /// The context's bookings, held as long as the context.
    struct Bookings {
        Booking context;      // until its worker has ended
        Booking descriptors;  // kDescriptors, until the link goes
    };
    /// The socket, two wake-ups, and the sync file of unfinished work.
    static constexpr uint64_t kDescriptors = 4;
    /// `closer`: closes what comes from the worker unasked. `patience`: the VM's. `traffic`: the
    /// VM's; null: its own.
    ContextLink(ContextId ctx_id, transport::ChannelEnd end, std::shared_ptr<DeviceFile> file,
                std::shared_ptr<TaskThread> closer, std::shared_ptr<Patience> patience,
                std::shared_ptr<VmTraffic> traffic = nullptr, Bookings bookings = {});

    ContextId ctx_id() const { return ctx_id_; }
    int notify_fd() const { return end_.notify.get(); }
    int socket_fd() const { return end_.socket.get(); }

    /// Appends a record; keeps it while it cannot be sent. EBADF: the descriptor is not open.
    /// Otherwise an error costs the context: E2BIG for more than kMaxSubmission bytes, ENOBUFS if
    /// too much waits.
    Status send(transport::RecordType type, std::span<const std::byte> payload,
                SharedFd descriptor);
    Status send(transport::RecordType type, std::span<const std::byte> payload);
    /// The same for a structure with a cookie in front, which this fills in.
    template <typename T>
    Status send_call(transport::RecordType type, T call, SharedFd descriptor = nullptr) {
        call.cookie = ++last_cookie_;
        return send(type, std::as_bytes(std::span(&call, 1)), std::move(descriptor));
    }

    using Answer = Inbox::Answer;
    /// Sends a call and waits for its answer, as long as the patience lasts.
    template <typename T>
    Result<Answer> ask(transport::RecordType type, T call) {
        call.cookie = ++last_cookie_;
        return ask_bytes(type, call.cookie, std::as_bytes(std::span(&call, 1)));
    }
    /// The request was sent, and no call waits for its answer.
    struct Left {
        uint64_t cookie = 0;
    };
    using Late = Inbox::Late;
    /// The same, but waits for `most` at most; an answer that comes later goes to `late`, on the
    /// fence thread, or on that of an await_late(). A worker that owes kMostLeft answers is asked
    /// as by ask(): a guest may have taken it over, and each answer may bring a descriptor.
    static constexpr size_t kMostLeft = 16;
    template <typename T>
    Result<std::variant<Answer, Left>> ask_or_leave(transport::RecordType type, T call,
                                                    std::chrono::milliseconds most, Late late) {
        call.cookie = ++last_cookie_;
        return ask_or_leave_bytes(type, call.cookie, std::as_bytes(std::span(&call, 1)), most,
                                  std::move(late));
    }
    /// The announcement of the object `blob_id`, if it has come; once.
    std::optional<Answer> take_announcement(uint64_t blob_id) {
        auto announcement = inbox_.take_announcement(blob_id);
        inbox_.deliver();  // that may have read others
        return announcement;
    }
    /// Waits until an answer that was left has gone to its Late, as long as the patience lasts; one
    /// that comes during the wait goes to `late`. Any error: it has not come.
    Status await_late(uint64_t cookie, Late late);
    /// Waits until the worker runs, or will not: for `most`, and as long as the patience lasts.
    /// ETIMEDOUT: it goes on starting; if that fails later, the context is lost.
    Status wait_until_started(std::chrono::milliseconds most);

    // For the thread that starts the worker (ContextStart), in this order.
    /// True once it need not be started any more.
    bool abandoned() const { return end_.page().abandoned.load() != 0; }
    /// Keeps an open file of a render node for the front's own use.
    void adopt_node(UniqueFd node);
    /// Sends it to the worker that is about to be started.
    Status send_node();
    /// One is about to be started: its first word is to name its process.
    void expect_worker();
    /// A process was started.
    void set_worker(std::unique_ptr<WorkerHandle> worker);
    /// Waits for its first word. The worker's error, ETIMEDOUT, EPIPE.
    Status wait_for_first_word(std::chrono::steady_clock::time_point deadline);
    /// It ended before its first word: from now on `socket` leads to another.
    Status replace_socket(UniqueFd socket);
    /// It runs: what has waited for it is sent.
    void finish_start();
    /// There will be none.
    void fail_start(Error error);

    /// Null once the worker has ended: the kernel is to have everything back.
    std::shared_ptr<DeviceFile> file();
    /// Closes a descriptor that the worker sent, and that is not what it should be.
    void discard(UniqueFd fd) { close_elsewhere(std::move(fd), *closer_); }

    void add_fence(RingIndex ring_idx, FenceId fence_id);
    std::optional<FenceQueue::Place> find_fence(FenceId fence_id);

    /// Passes the memory of the guest's control buffer on to the worker; the guest reads of a loss
    /// there. `charge` is held until the worker has ended. EINVAL: it has one already.
    Status give_control_buffer(UniqueFd memory, std::shared_ptr<const void> charge,
                               const DriverTraits& traits);

    /// The VMM lets go of the context; nothing else comes from it after this. The worker is asked
    /// to finish and end.
    void quit() noexcept;
    /// The same, but the worker is told to end at once; a process is killed.
    void abandon() noexcept;
    /// True once the VMM has let go of it and its worker is still there.
    bool winds_down();
    /// Ends it now, like abandon(), and waits for its worker's end: for `most`, and as long as its
    /// patience lasts. False if the worker is still there.
    bool end_within(std::chrono::milliseconds most);
    /// For the fence thread, from time to time: sends what could not be sent before, gives up a
    /// worker that has commands and has taken none for too long, and ends one that was asked to end
    /// and does not.
    void check_progress(std::chrono::steady_clock::time_point now);

    /// For the fence thread, when notify_fd() is signalled or socket_fd() hangs up: reads what the
    /// worker says, drains the backlog, appends the fences that have retired. Bounded: notify_fd()
    /// is signalled if there is more to do. True once the worker has ended and the VMM has let go:
    /// everything has been taken out then.
    bool collect(std::vector<RetiredFence>& out);

    /// Of the GPU's rings (longest_job_timeout()); before the worker starts.
    void set_job_timeout(std::chrono::milliseconds timeout) { job_timeout_ = timeout; }

  private:
    bool started();
    bool has_ended(const Inbox::News& arrived) VIADUCT_REQUIRES(mutex_);
    bool is_lost();
    Status send_large(std::span<const std::byte> payload);
    void send_fence(std::span<const std::byte> payload) VIADUCT_REQUIRES(mutex_);
    Status refuse(Error error);
    Status send_locked(Outbox::Record record) VIADUCT_REQUIRES(mutex_);
    Status send_locked(transport::RecordType type, std::span<const std::byte> payload)
        VIADUCT_REQUIRES(mutex_) {
        if (send_at_once(type, payload)) return {};
        return send_locked({.type = type, .payload = payload});
    }
    bool send_at_once(transport::RecordType type, std::span<const std::byte> payload)
        VIADUCT_REQUIRES(mutex_) {
        if (lost_ || !outbox_.send_at_once(type, payload)) return false;
        ++records_since_turn_;
        return true;
    }
    void lose(std::string_view why) VIADUCT_REQUIRES(mutex_);
    void end_worker() noexcept VIADUCT_REQUIRES(mutex_);
    void kill_if_asked() VIADUCT_REQUIRES(mutex_);
    void look_after_pending_work(std::chrono::steady_clock::time_point now)
        VIADUCT_REQUIRES(mutex_);
    bool waits_for_the_kernel() const;
    std::optional<ThreadUse> worker_use() const VIADUCT_REQUIRES(mutex_);
    bool has_progressed(size_t waiting_before) VIADUCT_REQUIRES(mutex_);
    void judge_turn(uint64_t events, uint64_t strays) VIADUCT_REQUIRES(mutex_);
    using Deadline = std::chrono::steady_clock::time_point;
    Status wait_for_start(Deadline deadline);
    Result<Answer> ask_bytes(transport::RecordType type, uint64_t cookie,
                             std::span<const std::byte> call);
    Result<Answer> wait_for_answer(Deadline deadline, transport::RecordType type, uint64_t cookie,
                                   std::span<const std::byte> call);
    Result<std::variant<Answer, Left>> ask_or_leave_bytes(transport::RecordType type,
                                                          uint64_t cookie,
                                                          std::span<const std::byte> call,
                                                          std::chrono::milliseconds most,
                                                          Late late);
    Status leave(transport::RecordType type, uint64_t cookie, std::span<const std::byte> call,
                 Late late, Inbox::Delivery delivery);
    Status send_without_hurry(transport::RecordType type, std::span<const std::byte> payload);
    void wake_worker();
    Error judge_wait(Error error, std::chrono::steady_clock::time_point start);
    /// To the patience: a wait that ended with `error` (0: none).
    void charge(std::chrono::steady_clock::time_point start, int error);

    const ContextId ctx_id_;
    transport::ChannelEnd end_;
    const std::shared_ptr<TaskThread> closer_;
    Inbox inbox_;
    std::unique_ptr<WorkerHandle> worker_ VIADUCT_GUARDED_BY(mutex_);  // before the channel goes
    std::chrono::milliseconds job_timeout_{60'000};
    std::atomic<uint64_t> last_cookie_ = transport::kReadyCookie;
    Mutex ask_mutex_;  // one question at a time
    Patience::Share patience_;

    QuickMutex mutex_;  // never held while waiting
    Bookings bookings_ VIADUCT_GUARDED_BY(mutex_);
    std::shared_ptr<const void> control_charge_ VIADUCT_GUARDED_BY(mutex_);
    Outbox outbox_ VIADUCT_GUARDED_BY(mutex_);
    std::shared_ptr<DeviceFile> file_ VIADUCT_GUARDED_BY(mutex_);
    const size_t max_payload_;  // the outbox's
    enum class Start { kUnderWay, kDone, kFailed };
    Start start_ VIADUCT_GUARDED_BY(mutex_) = Start::kUnderWay;
    std::condition_variable_any started_;                    // start_ changed
    int waiting_for_start_ VIADUCT_GUARDED_BY(mutex_) = 0;   // threads
    bool start_is_late_ VIADUCT_GUARDED_BY(mutex_) = false;  // a wait for it timed out
    Error start_error_ VIADUCT_GUARDED_BY(mutex_);           // of kFailed
    bool lost_ VIADUCT_GUARDED_BY(mutex_) = false;           // nothing more is executed
    std::optional<std::chrono::steady_clock::time_point> ended_
        VIADUCT_GUARDED_BY(mutex_);  // the worker, since then
    std::condition_variable_any ended_changed_;
    UniqueFd pending_work_
        VIADUCT_GUARDED_BY(mutex_);  // sync file of what it left in the kernel, until that is done
    std::optional<std::chrono::steady_clock::time_point> let_go_
        VIADUCT_GUARDED_BY(mutex_);  // by the VMM, since then
    FenceQueue fences_ VIADUCT_GUARDED_BY(mutex_);
    LossNotice notice_ VIADUCT_GUARDED_BY(mutex_);
    std::array<uint64_t, 3> last_news_ VIADUCT_GUARDED_BY(mutex_){};  // ring position and marks
    TurnBudget turns_ VIADUCT_GUARDED_BY(mutex_);
    uint64_t records_since_turn_ VIADUCT_GUARDED_BY(mutex_) = 0;  // that were to be sent
    pid_t worker_process_ VIADUCT_GUARDED_BY(mutex_) = 0;         // 0: unknown
    Watchdog watchdog_ VIADUCT_GUARDED_BY(mutex_){check_interval()};
};

}  // namespace viaduct
