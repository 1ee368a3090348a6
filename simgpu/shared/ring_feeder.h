// RingFeeder: one open file's access to one hardware ring, which all files of all processes share.
//
// A ring has kPlaces places. A job that gets one is *handed over*; the oldest one on the ring
// executes. Places go to the highest priority, then to the job that was submitted first (Linux:
// drm_sched's default policy, DRM_SCHED_POLICY_FIFO).
//
// Orphans. The hardware does not stop for the death of a process, but here each process executes
// its own jobs. Only a job that was announced with hang_until() (injected hangs, and jobs slowed
// down beyond their time-out) keeps its place when its process dies: as an orphan, until its
// time-out. This is kinder than a kernel in five ways:
// - every other job of a dead process ends at once, also one that loops for ever in its commands or
//   its shader, and one that the hardware would still finish;
// - the recovery from an orphan is always a soft one, also on SDMA, whose jobs take the whole
// device
//   along as long as their process lives, and whatever recovery the injection asked for;
// - nobody is guilty of it;
// - the memory that the job uses is free as soon as its process is dead;
// - an orphan is forgotten when the last process leaves the device.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "simgpu/shared/device.h"

namespace simgpu::shared {

/// How the kernel gets a ring going again (Linux: amdgpu_job_timedout(), in the order it tries).
enum class Recovery {
    kSoft,      // the job's shader waves are killed; nobody else notices
    kRing,      // the ring's queue is reset: what was handed over to it is cancelled
    kFull,      // the device is reset: what was handed over to any ring is cancelled
    kVramLost,  // as kFull, and the contents of VRAM are gone
};

/// Thread-safe; try_enter() and withdraw() are for one thread at a time. Withdraws what it asked
/// for when it goes; leave() must have been called for each place.
class RingFeeder {
  public:
    using Place = uint32_t;

    RingFeeder(std::shared_ptr<SharedDevice> device, uint32_t ring);
    ~RingFeeder();
    RingFeeder(const RingFeeder&) = delete;
    RingFeeder& operator=(const RingFeeder&) = delete;

    /// Stands for the hardware ring in this process.
    const void* key() const { return &ring_; }

    /// Asks for a place for the feeder's best job. Nothing if there is none, or if others go
    /// first; the request stands until it is replaced, granted or withdrawn.
    std::optional<Place> try_enter(int32_t priority, uint64_t submitted_ns);
    void withdraw();

    /// The place is the oldest of its ring and no recovery is under way: the job may execute.
    /// From then on until leave() it counts as running.
    bool try_run(Place place);
    /// Negative errno once a recovery has cancelled the job; 0 before.
    int error(Place place) const;
    /// Set together with the error, for those who execute.
    const std::atomic<bool>& stop(Place place) const;
    /// The job has stopped after stop(); the recovery may go on.
    void stopped(Place place);
    /// No recovery of this ring or of the device is under way.
    bool usable() const;
    /// When the job was handed over, or, if that was later, when the job before it finished
    /// (Linux: drm_sched_get_finished_job() makes it "more accurate"). monotonic_ns().
    uint64_t scheduled_ns(Place place) const;
    /// Gives the place back at `finished_ns`; the time from scheduled_ns() to then.
    uint64_t leave(Place place, uint64_t finished_ns);

    /// Cancels the job in `place` alone, as a recovery would: error() and stop() are set.
    void kill(Place place);
    /// The job in `place` never ends: it keeps the ring until `until_ns`, its time-out, even if
    /// this process dies (see "Orphans" above).
    void hang_until(Place place, uint64_t until_ns);

    /// Recovers from the job in `place`, which has stopped. Returns when the ring goes again. False
    /// if another recovery has cancelled the job first. `duration_ns`: of a full reset.
    bool recover(Place place, Recovery recovery, uint64_t duration_ns);

    /// A value to give to wait().
    uint32_t events() const;
    /// Returns once something has happened on the ring since `seen`, or after `timeout_ns`.
    void wait(uint32_t seen, uint64_t timeout_ns = UINT64_MAX);
    /// Makes wait() return, in all processes.
    void notify();

    /// Feeders that wait for a place now, of all processes.
    size_t waiting() const;

  private:
    bool begin_recovery(Place place, Recovery recovery);
    void await_stopped(Recovery recovery);
    void await_vram_cleared();
    bool all_stopped(Recovery recovery);

    const std::shared_ptr<SharedDevice> device_;
    const uint32_t index_;
    struct Ring& ring_;
    struct Waiter* request_ = nullptr;  // in the segment
};

}  // namespace simgpu::shared
