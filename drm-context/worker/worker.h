// The worker: executes one guest context. The same code runs on a thread of the VMM's process and
// in a process of its own.
#pragma once

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/brief_wait.h"
#include "drm-context/context/command_loop.h"
#include "drm-context/context/driver_context.h"
#include "drm-context/context/timelines.h"
#include "drm-context/driver/table.h"
#include "drm-context/transport/channel.h"
#include "drm-context/transport/command_ring.h"
#include "drm-context/worker/held_records.h"
#include "drm-context/worker/spare_processor.h"

namespace viaduct {

/// Runs until the front says quit and the work submitted is done, or the front is gone.
/// Single-threaded: everything of the context happens on the calling thread.
class Worker {
  public:
    /// How a worker ends that has unfinished work. The kernel throws queued work away only when
    /// SIGKILL ends the process that submitted it; closing the device runs it to its end.
    enum class Ending {
        kByKill,   // the front is asked for it: for a process
        kByClose,  // for a thread
    };

    /// `end` is borrowed.
    Worker(const transport::ChannelEnd& end, std::unique_ptr<DriverContext> context, Ending ending);

    void run();

  private:
    using Payload = std::span<const std::byte>;
    using Record = transport::RingConsumer::Record;
    struct RecordRule;
    static const RecordRule kRules[];

    bool process_records();
    bool has_passed_by(bool record_waits);
    void take_from_guest_ring();
    bool look_for_more();
    void process(const Record& record);
    void dispatch(const Record& record);
    void wait_for_work();
    void finish_submitted_work();
    bool has_unfinished_work() const { return !held_.empty() || !timelines_.idle(); }
    void await_kill();
    void sleep_until(std::chrono::steady_clock::time_point deadline);
    void show_wait();
    void add_work(RingIndex ring, int64_t submitted_ns = 0, uint64_t command_bytes = 0);
    void done(RingIndex ring, const Timelines::Work& work);
    void retired(RingIndex ring, uint64_t count, uint32_t request);
    void report_if_due();
    void report_retired();
    bool abandoned() const;
    bool asked_to_quit() const;

    // worker_hold.cpp
    void take(transport::RecordType type, Payload payload);
    void take_buffer(Payload payload);
    void take_large(Payload payload);
    void take_part(transport::RecordType type, Payload payload, const GuestSubmission& submission);
    bool release_held();
    void execute(transport::RecordType type, Payload payload, const GuestSubmission& submission);
    RingIndex ring_of(const GuestSubmission& submission) const;
    bool must_hold(const GuestSubmission& submission);
    bool must_wait_for_share(RingIndex ring);
    uint64_t most_outstanding(RingIndex ring) const;
    void hold(HeldRecords::Held record);

    // worker_calls.cpp
    void between_commands();
    void answer_waiting_calls();
    bool can_answer(const Record& record, const std::set<ResourceId>& changed) const;
    void answer_ahead(const Record& record);
    void announce_object();
    bool was_answered_ahead(const Record& record);

    void submit(Payload payload);
    void submit_memory(Payload payload);
    Mapping map_submission(Payload payload);
    void run_commands(Payload payload, CommandLoop::Seqno seqno);
    void control_buffer(Payload payload);
    void create_blob(Payload payload);
    void map_source(Payload payload);
    void export_blob(Payload payload);
    void image_layout(Payload payload);
    void attach(Payload payload);
    void detach(Payload payload);
    void fence(Payload payload);
    void export_fence(Payload payload);
    void in_fence(Payload payload);

    /// The descriptor that was sent for `cookie`; invalid if the front did not send it.
    UniqueFd take_descriptor(uint64_t cookie);
    void reply(transport::Reply reply, int descriptor);
    void reply_error(uint64_t cookie, const Error& error);
    void report(const char* cause, const Error& error);

    const transport::ChannelEnd& end_;
    const Ending ending_;
    transport::RingConsumer ring_;
    std::unique_ptr<DriverContext> context_;
    CommandLoop loop_;
    Timelines timelines_;
    std::optional<SpareProcessor> spare_processor_;  // none: a thread of the VMM's process
    bool quit_ = false;
    std::vector<int> pending_;       // of one sleep, and kept for the next: sync files
    std::vector<pollfd> poll_list_;  // and all that it waits for
    int64_t next_reset_check_ns_ = 0;
    int64_t report_due_ = INT64_MAX;  // to the front, of fences that the guest knows of; ns
    BriefWait brief_wait_;            // for more requests
    std::optional<uint32_t> passed_by_until_;  // of the guest's ring, before the oldest record

    // Calls that were answered ahead of their turn.
    int64_t next_look_ns_ = 0;           // for such calls
    std::set<uint64_t> answered_ahead_;  // cookies, of records that are still in the ring
    std::set<uint64_t> announced_;       // blob ids, of objects that are not claimed yet

    // Submissions that must not reach the kernel yet, and what came behind them.
    const bool limited_;  // to a share of GPU time
    HeldRecords held_;
    UniqueFd arrived_;                // of the held record that is executed now
    int64_t hold_began_ = 0;          // for the share; 0: nothing is held for it
    int64_t look_again_ = INT64_MAX;  // at what is held for the share
};

/// Tells the front that the worker is ready (`device_fd` goes along) or why there will be none.
void announce_worker(int socket, const Status& status, int device_fd);

}  // namespace viaduct
