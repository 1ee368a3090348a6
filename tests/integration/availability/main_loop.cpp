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
    waiting_calls_.release();
    thread_.join();
}

void MainLoop::run(const std::function<void()>& call) {
    const auto done = std::make_shared<std::binary_semaphore>(0);
    Call waiting{&call, done, newest_};
    while (!newest_.compare_exchange_weak(waiting.next, &waiting)) {
    }
    waiting_calls_.release();
    done->acquire();
}

MainLoop::Use MainLoop::take_use() {
    const std::lock_guard lock(mutex_);
    const auto now = steady_clock::now();
    return {now - std::exchange(since_, now), std::exchange(waiting_, Seconds{})};
}

MainLoop::Call* MainLoop::take() {
    waiting_calls_.acquire();
    if (!oldest_)
        for (Call* call = newest_.exchange(nullptr); call;) {
            Call* const next = std::exchange(call->next, oldest_);
            oldest_ = std::exchange(call, next);
        }
    return oldest_ ? std::exchange(oldest_, oldest_->next) : nullptr;
}

void MainLoop::serve() {
    while (Call* const next = take()) {
        const auto done = next->done;
        const Seconds waited = run_one(*next->call);
        {
            const std::lock_guard lock(mutex_);
            waiting_ += waited;
        }
        done->release();  // and `next` is gone
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
