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

    /// A thread is busy that has used more than an eighth of a processor (1 / kShare) by kBusyTime
    /// of processor time, and stays so until kCalmTime later (ns). What it uses less is forgotten.
    static constexpr int64_t kBusyTime = 500'000;
    static constexpr int64_t kShare = 8;
    static constexpr int64_t kCalmTime = 50'000'000;

    SpareProcessor() : SpareProcessor(kernel()) {}
    explicit SpareProcessor(Kernel kernel) : kernel_(std::move(kernel)) {}

    /// Work is being done at `now_ns` (of monotonic_ns()).
    void worked(int64_t now_ns);
    /// The thread slept for want of work, until `now_ns`.
    void slept(int64_t now_ns);

    bool spares() const { return spares_; }
    /// When a thread that sleeps is to wake and call slept(), so that its next work finds it free
    /// to run anywhere: ns of monotonic_ns(), INT64_MAX for never.
    int64_t calm_at() const { return spares_ ? busy_until_ : INT64_MAX; }

  private:
    static Kernel kernel();
    void leave();

    Kernel kernel_;
    int64_t looked_at_ = 0;    // ns of monotonic_ns(), as busy_until_
    int64_t ran_before_ = -1;  // processor time at the last look, ns; < 0: there was none
    int64_t excess_ = 0;       // over the share, ns; at most kBusyTime
    int64_t busy_until_ = 0;
    bool spares_ = false;
    cpu_set_t all_{};  // to return to
};

}  // namespace viaduct
