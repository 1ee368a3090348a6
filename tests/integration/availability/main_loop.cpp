#include "tests/integration/availability/main_loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "base/unique_fd.h"

namespace viaduct::test {

namespace {

using std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

struct Moment {
    steady_clock::time_point time;
    Seconds runnable{};  // until then: on a processor, or waiting for one
};

// The calling thread's clock of the time in which it could run.
class RunnableClock {
  public:
    RunnableClock() : statistics_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}

    // The two times are those of one moment: no wait for a processor lies between them.
    Moment now() const {
        for (;;) {
            const int64_t before = queued();
            timespec running{};
            ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &running);
            const auto time = steady_clock::now();
            if (queued() != before) continue;
            return {time, std::chrono::seconds(running.tv_sec) +
                              std::chrono::nanoseconds(running.tv_nsec + before)};
        }
    }

  private:
    // In ns (Linux: Documentation/scheduler/sched-stats.rst; the file's first figure, the time on a
    // processor, lags behind by up to a tick).
    int64_t queued() const {
        char text[96] = {};
        const ssize_t size = ::pread(statistics_.get(), text, sizeof(text) - 1, 0);
        int64_t lagging = 0, queued = 0;
        if (size <= 0 || std::sscanf(text, "%" SCNd64 " %" SCNd64, &lagging, &queued) != 2)
            throw std::runtime_error("the kernel does not say how long a thread was queued");
        return queued;
    }

    const UniqueFd statistics_;
};

Seconds waiting(const Moment& start, const Moment& end) {
    return end.time - start.time - (end.runnable - start.runnable);
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
    const RunnableClock clock;
    while (Call* const next = take()) {
        const auto done = next->done;
        const Moment start = clock.now();
        (*next->call)();
        const Seconds waited = waiting(start, clock.now());
        {
            const std::lock_guard lock(mutex_);
            waiting_ += waited;
        }
        done->release();  // and `next` is gone
    }
}

}  // namespace viaduct::test
