// A worker's messages over the control socket: answers, log lines, and finally the end of file.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/quick_mutex.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "drm-context/transport/control_socket.h"
#include "drm-context/transport/messages.h"

namespace viaduct {

/// Read by the fence thread, but while an answer is waited for by the one who waits: whichever
/// callback of the VMM the fence thread may be in, an answer arrives. Thread-safe. Whatever the
/// worker sends, it costs bounded time here and reaches the log harmless.
///
/// A worker sends a descriptor with an answer, with each of few announcements, and one more at its
/// end. One that sends others was taken over: it counts as gone, and what it sent stays in the
/// socket, since closing a descriptor may take long.
class Inbox {
  public:
    struct Answer {
        transport::Reply reply;
        UniqueFd descriptor;
        pid_t sender = 0;  // transport::Attached::sender
    };

    /// Takes an answer that was left: the answer, the worker's error, or EPIPE.
    using Late = std::function<void(Result<Answer>)>;

    /// Takes an unrequested descriptor, and closes it where close() may block.
    using Discard = std::function<void(UniqueFd)>;

    /// `socket`, `notify` and `listens` are borrowed. `notify` gives the fence thread another turn:
    /// what arrived while somebody waited is news to it. While `listens` is set, the worker
    /// signals `notify` with each answer, since somebody wants it and nobody waits for it.
    Inbox(ContextId ctx_id, int socket, int notify, std::atomic<uint32_t>& listens, Discard discard)
        : ctx_id_(ctx_id),
          socket_(socket),
          notify_(notify),
          listens_(listens),
          discard_(std::move(discard)) {}

    ~Inbox();
    Inbox(const Inbox&) = delete;
    Inbox& operator=(const Inbox&) = delete;

    /// After the socket was replaced by another with the same number.
    void start_anew();

    /// Whether messages that are sent from now on name their sender, if that can be had; at first
    /// they do not.
    void ask_for_senders(transport::Senders senders);

    /// Announces that the answer to `cookie` will be waited for: before the question is sent. One
    /// at a time.
    void expect(uint64_t cookie);
    /// Waits for it. The worker's error if it has sent one, ETIMEDOUT, EPIPE if the worker is gone.
    /// On ETIMEDOUT the answer goes to `late`, if that is set.
    Result<Answer> wait(transport::Deadline deadline, Late late = nullptr);
    /// It is not waited for any more.
    void forget();

    /// The way of an answer that is left.
    enum class Delivery {
        kPrompt,  // the fence thread hands it over when it comes
        kLater,   // it is handed over with the next call that looks: nothing depends on it
    };
    /// Announces an answer that no call waits for: before the question is sent.
    void leave(uint64_t cookie, Late late, Delivery delivery);
    /// The question was not sent.
    void cancel(uint64_t cookie);
    /// How many answers are left and have not come.
    size_t left();
    /// Takes what has arrived, unless a call waits, for deliver().
    void look();
    /// Announces that an answer that was left will be waited for after all. False if it is left no
    /// more: deliver() has handed it over, or is about to.
    bool expect_again(uint64_t cookie);
    /// Hands over what was left and has come, or EPIPE for all if the worker is gone. No lock may
    /// be held that a Late takes.
    void deliver();

    /// The announcement of the object `blob_id`, if it has come; once. One that comes later is
    /// part of the answer to kCreateBlob.
    std::optional<Answer> take_announcement(uint64_t blob_id);
    /// The GPU is a simulated one, whose buffers are announced with their memory.
    void expect_announced_memory();

    struct News {
        bool more = false;     // there may be more to take
        bool hung_up = false;  // hung_up()
        uint64_t strays = 0;   // unrequested messages since the last time
    };
    /// For the fence thread: takes what has arrived, unless a call waits.
    News drain();
    /// True once the worker's end is closed and everything it sent has been read, or once it has
    /// sent what it never sends.
    bool hung_up();
    /// Whether it was the latter.
    bool misused();
    /// The sync file of kPendingWorkCookie, if the worker has sent one; its word, not the kernel's.
    UniqueFd take_pending_work();

  private:
    Result<Answer> wait_for_answer(transport::Deadline deadline);
    bool take_arrived() VIADUCT_REQUIRES(mutex_);
    enum class Wanted { kAny, kNews };
    bool take_one(Wanted wanted) VIADUCT_REQUIRES(mutex_);
    bool may_take_next(Wanted wanted) VIADUCT_REQUIRES(mutex_);
    bool may_bring_descriptor(uint64_t cookie) const VIADUCT_REQUIRES(mutex_);
    void hang_up_on_misuse() VIADUCT_REQUIRES(mutex_);
    void sort(Answer& message) VIADUCT_REQUIRES(mutex_);
    void set_aside(uint64_t cookie, Answer& message) VIADUCT_REQUIRES(mutex_);
    Result<Answer> checked(Answer answer);
    void keep_announcement(Answer& message) VIADUCT_REQUIRES(mutex_);
    void complete(Answer& answer) VIADUCT_REQUIRES(mutex_);
    void log_line_of(const transport::Reply& reply) VIADUCT_REQUIRES(mutex_);
    void stop_waiting() VIADUCT_REQUIRES(mutex_);
    void listen() VIADUCT_REQUIRES(mutex_);
    bool take_left(uint64_t cookie, Late& late) VIADUCT_REQUIRES(mutex_);

    const ContextId ctx_id_;
    const int socket_;
    const int notify_;
    std::atomic<uint32_t>& listens_;
    QuickMutex mutex_;
    const Discard discard_;
    transport::Senders senders_ VIADUCT_GUARDED_BY(mutex_) = transport::Senders::kUnnamed;
    std::optional<uint64_t> expected_ VIADUCT_GUARDED_BY(mutex_);
    std::optional<Answer> answer_ VIADUCT_GUARDED_BY(mutex_);
    uint64_t unanswered_ VIADUCT_GUARDED_BY(mutex_) = 0;  // questions, those given up included
    struct Left {
        Late late;
        Delivery delivery;
    };
    std::map<uint64_t, Left> left_ VIADUCT_GUARDED_BY(mutex_);
    size_t prompt_ VIADUCT_GUARDED_BY(mutex_) = 0;     // of them, those of Delivery::kPrompt
    bool skipped_ VIADUCT_GUARDED_BY(mutex_) = false;  // a turn of the fence thread, by a call
    std::vector<std::pair<Late, Answer>> came_late_ VIADUCT_GUARDED_BY(mutex_);
    std::map<uint64_t, Answer> announced_ VIADUCT_GUARDED_BY(mutex_);  // by blob id
    size_t surplus_ VIADUCT_GUARDED_BY(mutex_) = 0;  // announcements that were not kept
    bool announces_memory_ VIADUCT_GUARDED_BY(mutex_) = false;
    bool hung_up_ VIADUCT_GUARDED_BY(mutex_) = false;
    bool misused_ VIADUCT_GUARDED_BY(mutex_) = false;
    bool had_pending_work_ VIADUCT_GUARDED_BY(mutex_) = false;
    UniqueFd pending_work_ VIADUCT_GUARDED_BY(mutex_);
    uint64_t lines_ VIADUCT_GUARDED_BY(mutex_) = 0;
    uint64_t strays_ VIADUCT_GUARDED_BY(mutex_) = 0;
};

}  // namespace viaduct
