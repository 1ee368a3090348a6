// Ring: what one open file sends to one hardware ring, and the thread that plays the hardware for
// it.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "simgpu/inject.h"
#include "simgpu/sched/failure_codes.h"
#include "simgpu/sched/job.h"
#include "simgpu/shared/ring_feeder.h"

namespace simgpu::sched {

/// A hardware ring, as the driver of its chip describes it.
struct RingDescription {
    std::string_view kind;       // as fdinfo names it: "gfx"
    uint32_t number = 0;         // among its kind
    uint32_t index = 0;          // over all rings of the chip
    uint64_t timeout_ns = 0;     // how long a job may execute
    uint64_t full_reset_ns = 0;  // how long a reset of the device takes
    FailureCodes failures{};
    /// Makes the engine of an entity.
    std::function<std::unique_ptr<Engine>()> create_engine;
    /// How the kernel recovers from a job that ended like this.
    std::function<shared::Recovery(const JobOutcome&)> recovery_from;
};

/// Thread-safe. Jobs of one entity are handed over in the order of submission, each once its
/// dependencies have signalled; which entity goes next is decided over all files of all processes
/// (shared::RingFeeder). The thread starts with the first job and runs on after close() until all
/// jobs have finished.
class Ring : public std::enable_shared_from_this<Ring> {
  public:
    using Clock = std::chrono::steady_clock;

    Ring(RingDescription description, std::shared_ptr<shared::SharedDevice> device);
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    void submit(std::shared_ptr<Job> job);
    /// Time that jobs have been with the hardware, those that still are included; nanoseconds.
    /// Not monotonic, as the kernel's is not: the time that a job waits behind another on the
    /// hardware counts until that one has finished (see RingFeeder::scheduled_ns).
    uint64_t busy_ns() const;
    /// Waits until all jobs have been handed over, or the deadline: false.
    bool wait_handed_over(Clock::time_point deadline);
    bool wait_finished(Clock::time_point deadline);
    /// Cancels the jobs of one entity that have been handed over. The one that executes stops soon;
    /// those that still wait are up to their context, which refuses them.
    void kill(const Entity& entity);
    /// No job will be submitted any more.
    void close();

  private:
    struct Queued;
    using QueuedPtr = std::shared_ptr<Queued>;
    using Queue = std::deque<QueuedPtr>;
    struct HandedOver {
        std::shared_ptr<Job> job;
        shared::RingFeeder::Place place = 0;
        int error = 0;  // it must not execute
    };

    void run();
    void arrived(const QueuedPtr& queued);
    void feed();
    Queue* best_ready() VIADUCT_REQUIRES(mutex_);
    void wait_for_work(uint32_t seen, uint64_t news);
    bool process(HandedOver& next);
    JobOutcome execute(Job& job, shared::RingFeeder::Place place,
                       const std::optional<InjectionRule>& injected);
    JobOutcome run_ibs(Job& job, shared::RingFeeder::Place place, uint64_t deadline_ns);
    static JobOutcome write_end(const Job& job, memory::JobMemory& memory);
    int settle(Job& job, shared::RingFeeder::Place place, JobOutcome& outcome,
               const std::optional<InjectionRule>& injected);
    int await_recovery(Job& job, shared::RingFeeder::Place place);
    void finish(const HandedOver& job, int error);
    bool sleep_until(shared::RingFeeder::Place place, uint64_t until_ns);

    const RingDescription description_;
    const std::shared_ptr<shared::SharedDevice> device_;
    shared::RingFeeder feeder_;

    mutable viaduct::Mutex mutex_;
    std::condition_variable changed_;
    std::map<const Entity*, Queue> queues_ VIADUCT_GUARDED_BY(mutex_);
    std::deque<HandedOver> handed_over_ VIADUCT_GUARDED_BY(mutex_);  // in the order of the hardware
    size_t queued_ VIADUCT_GUARDED_BY(mutex_) = 0;
    uint64_t busy_ns_ VIADUCT_GUARDED_BY(mutex_) = 0;  // of finished jobs
    bool closed_ VIADUCT_GUARDED_BY(mutex_) = false;
    bool has_thread_ VIADUCT_GUARDED_BY(mutex_) = false;
    uint64_t news_ VIADUCT_GUARDED_BY(mutex_) = 0;  // grows with each hand-over and with close()
    bool sleeps_on_device_ VIADUCT_GUARDED_BY(mutex_) =
        false;  // the thread waits for an event of the shared ring
};

}  // namespace simgpu::sched
