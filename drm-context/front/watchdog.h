// Watchdog: how long a worker has been stuck.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

namespace viaduct {

/// A thread as the scheduler sees it.
struct ThreadUse {
    std::chrono::milliseconds cpu_time{0};  // used so far
    bool runnable = false;                  // runs, or waits for a processor only
};

/// Of a thread of a process; from /proc. Nothing if that does not show it.
std::optional<ThreadUse> thread_use(pid_t process, pid_t thread);

/// On a busy machine a worker may have to wait for a processor for longer than any deadline. So
/// time counts as stuck while the worker runs without progress, and while it sleeps, but not while
/// it waits for its turn. Where nothing is known of the thread, all time counts. Not thread-safe.
class Watchdog {
  public:
    using Clock = std::chrono::steady_clock;

    /// A stretch of time counts as `longest` at most: the observer may have had to wait as well.
    explicit Watchdog(Clock::duration longest) : longest_(longest) {}

    /// The worker has done something, or has nothing to do.
    void note_progress(Clock::time_point now);
    /// It has not, up to now.
    void note_none(Clock::time_point now, std::optional<ThreadUse> use);

    Clock::duration stuck() const { return stuck_; }

  private:
    Clock::duration run_since_last_look(std::chrono::milliseconds cpu_time) const;

    const Clock::duration longest_;
    Clock::duration stuck_{0};
    Clock::time_point looked_ = Clock::now();
    std::optional<std::chrono::milliseconds> cpu_time_;  // at that time, if it was looked at
};

}  // namespace viaduct
