// Ring: runs the jobs that one open file sends to one hardware queue.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "simgpu/amdgpu/job.h"
#include "simgpu/amdgpu/model.h"
#include "simgpu/inject.h"
#include "simgpu/shared/device.h"

namespace simgpu::amdgpu {

/// Which hardware queue a Ring feeds.
struct RingPlace {
    const IpBlock* ip = nullptr;
    uint32_t number = 0;           // within the block
    uint32_t index = 0;            // over all rings of the chip
    uint32_t render_backends = 0;  // of the chip
};

/// $VIADUCT_SIMGPU_HANG_MS in nanoseconds; 10 s if it is not set or makes no sense.
uint64_t hang_timeout_ns();

/// Makes the packet processor of a context on a ring; replaceable for tests of the scheduling.
using EngineFactory = std::unique_ptr<Engine> (*)(const RingPlace& place);
std::unique_ptr<Engine> create_engine(const RingPlace& place);
void set_engine_factory_for_tests(EngineFactory factory);

/// Thread-safe. Jobs of one context run in the order of submission, each once its dependencies have
/// signalled; between contexts priority decides, then age. The device grants one job at a time per
/// hardware queue, whatever files and processes they come from. The thread starts with the first
/// job.
class Ring {
  public:
    /// `hang_ns`: how long a job may go without an end.
    Ring(RingPlace place, std::shared_ptr<shared::SharedDevice> device, JobOwner& owner,
         uint64_t hang_ns);
    /// Stops what runs; all unfinished jobs end with -ECANCELED.
    ~Ring();
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;

    void submit(std::shared_ptr<Job> job);
    /// Time spent on finished jobs, in nanoseconds.
    uint64_t busy_ns() const { return busy_ns_; }
    /// Jobs accepted and not finished.
    size_t pending() const { return pending_; }

  private:
    struct Queued;
    using QueuedPtr = std::shared_ptr<Queued>;

    void run();
    QueuedPtr wait_for_ready();
    QueuedPtr take_ready();
    void process(Job& job);
    JobOutcome execute(Job& job, const std::optional<InjectionRule>& injected);
    JobOutcome run_ibs(Job& job, uint64_t deadline_ns);
    void finish(Job& job, const JobOutcome& outcome);
    void report(const Job& job, const JobOutcome& outcome);
    bool sleep_unless_stopped(uint64_t until_ns);

    const RingPlace place_;
    const std::shared_ptr<shared::SharedDevice> device_;
    JobOwner& owner_;
    const uint64_t hang_ns_;
    std::atomic<uint64_t> busy_ns_ = 0;
    std::atomic<size_t> pending_ = 0;
    std::atomic<bool> stop_ = false;

    /// Shared with fence callbacks, which may still run when the ring has gone.
    struct Wakeup {
        std::mutex mutex;
        std::condition_variable changed;
    };
    const std::shared_ptr<Wakeup> wakeup_ = std::make_shared<Wakeup>();
    // Guarded by the wakeup's mutex:
    std::map<const Context*, std::deque<QueuedPtr>> queues_;
    uint64_t next_age_ = 1;
    std::thread thread_;
};

}  // namespace simgpu::amdgpu
