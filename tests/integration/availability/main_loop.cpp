#include "tests/integration/availability/main_loop.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <utility>

namespace viaduct::test {

namespace {

using std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// Of the calling thread: on a processor, and waiting for one (Linux: Documentation/scheduler/
// sched-stats.rst, whose first figure lags behind by up to a tick).
Seconds runnable_time() {
    std::ifstream file("/proc/thread-self/schedstat");
    int64_t lagging = 0, queued = 0;
    file >> lagging >> queued;
    timespec running{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &running);
    return std::chrono::seconds(running.tv_sec) +
           std::chrono::nanoseconds(running.tv_nsec + queued);
}

}  // namespace

MainLoop::MainLoop() : thread_([this] { serve(); }) {}

MainLoop::~MainLoop() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void MainLoop::run(const std::function<void()>& call) {
    Call waiting{&call};
    std::unique_lock lock(mutex_);
    queue_.push_back(&waiting);
    changed_.notify_all();
    changed_.wait(lock, [&] { return waiting.done; });
}

MainLoop::Use MainLoop::take_use() {
    const std::lock_guard lock(mutex_);
    const auto now = steady_clock::now();
    return {now - std::exchange(since_, now), std::exchange(waiting_, Seconds{})};
}

void MainLoop::serve() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ends_ || !queue_.empty(); });
        if (queue_.empty()) return;
        Call* const next = queue_.front();
        queue_.pop_front();
        lock.unlock();
        const Seconds waited = run_one(*next->call);
        lock.lock();
        waiting_ += waited;
        next->done = true;
        changed_.notify_all();
    }
}

Seconds MainLoop::run_one(const std::function<void()>& call) {
    const auto start = steady_clock::now();
    const Seconds runnable = runnable_time();
    call();
    const Seconds waited = steady_clock::now() - start - (runnable_time() - runnable);
    return std::max(waited, Seconds{});
}

}  // namespace viaduct::test
