// SpareProcessor: a worker that hardly sleeps leaves one processor to those that do.
#pragma once

#include <sched.h>

#include <cstdint>
#include <functional>

namespace viaduct {

/// A busy worker would delay other contexts, and the VMM, by up to a time slice wherever it runs.
/// As long as it is busy it therefore keeps off the first processor it may use, where work of the
/// others finds a place at once. A worker that may use one processor only stays there.
///
/// Used by the thread whose processors it chooses. Allocates nothing and fails silently: where the
/// kernel refuses (a VMM's own filter), all stays as it is.
class SpareProcessor {
  public:
    /// The calling thread's, by default the kernel's answers.
    struct Kernel {
        std::function<int64_t()> processor_time;  // ns that the thread ran (clock_gettime(2))
        std::function<bool(cpu_set_t& set)> get;  // false: unknown (sched_getaffinity(2))
        std::function<void(const cpu_set_t& set)> set;
    };

    /// Busy is who runs for so long without a sleep, and not yet so long ago (ns).
    static constexpr int64_t kBusyTime = 500'000;
    static constexpr int64_t kCalmTime = 50'000'000;

    SpareProcessor() : SpareProcessor(kernel()) {}
    explicit SpareProcessor(Kernel kernel) : kernel_(std::move(kernel)) {}

    /// Work is being done; the thread has not slept since slept(). `now_ns` is of monotonic_ns().
    void worked(int64_t now_ns);
    /// The thread slept for want of work, until `now_ns`.
    void slept(int64_t now_ns);

    bool spares() const { return spares_; }

  private:
    static Kernel kernel();
    void leave();

    Kernel kernel_;
    int64_t looked_at_ = 0;    // ns, as the clock says; a sleep counts
    int64_t ran_before_ = -1;  // processor time at the last look; < 0: slept since then
    int64_t busy_until_ = 0;   // ns, as the clock says, kCalmTime included
    bool spares_ = false;
    cpu_set_t all_{};  // to return to
};

}  // namespace viaduct
