// fork() while other threads hold what the whole process shares.
#include "simgpu/fork_mutex.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "simgpu/sync/fence.h"

namespace simgpu {
namespace {

constexpr unsigned kSecondsForAChild = 20;  // then the alarm ends it

/// True if `body` returns true in a child.
template <typename Body>
bool succeeds_in_child(const Body& body) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(kSecondsForAChild);
        ::_exit(body() ? 0 : 1);
    }
    int status = -1;
    return ::waitpid(child, &status, 0) == child && status == 0;
}

constexpr int kChildren = 60;

/// Threads that call `body` until the object's end, with a little time between two calls.
class Busy {
  public:
    template <typename Body>
    Busy(int count, Body body) {
        for (int i = 0; i < count; ++i)
            threads_.emplace_back([this, body, i] {
                for (; !done_; std::this_thread::sleep_for(std::chrono::microseconds(50))) body(i);
            });
    }
    ~Busy() {
        done_ = true;
        for (std::thread& thread : threads_) thread.join();
    }

  private:
    std::atomic<bool> done_ = false;
    std::vector<std::thread> threads_;
};

// Taken in opposite orders, which only the threads themselves must agree on.
TEST(ForkMutex, AChildFindsItFreeAndItsDataWhole) {
    ForkMutex outer, inner;
    int before = 0, after = 0;  // equal whenever both are free
    const Busy busy(2, [&](int) {
        const std::scoped_lock lock(outer, inner);
        ++before;
        std::this_thread::yield();
        ++after;
    });
    for (int i = 0; i < kChildren; ++i)
        ASSERT_TRUE(succeeds_in_child([&] {
            const std::scoped_lock lock(inner, outer);
            return before == after;
        })) << "child "
            << i;
}

TEST(ForkMutex, ForkingThreadsTakeTurns) {
    ForkMutex mutex;
    std::atomic<int> failures = 0;
    {
        const Busy busy(2, [&](int) {
            if (!succeeds_in_child([&] {
                    const std::lock_guard lock(mutex);
                    return true;
                }))
                ++failures;
        });
        for (int i = 0; i < 500; ++i) {
            const std::lock_guard lock(mutex);
            std::this_thread::yield();
        }
    }
    EXPECT_EQ(failures, 0);
}

TEST(ForkMutex, ItsFirstUseIsNotMissed) {
    for (int i = 0; i < kChildren; ++i) {
        ForkMutex mutex;
        const Busy busy(2, [&](int) { const std::lock_guard lock(mutex); });
        ASSERT_TRUE(succeeds_in_child([&] {
            const std::lock_guard lock(mutex);
            return true;
        })) << "child "
            << i;
    }
}

TEST(ForkMutex, IsForgottenAtItsEnd) {
    auto mutex = std::make_unique<ForkMutex>();
    mutex->lock();
    mutex->unlock();
    mutex.reset();
    EXPECT_TRUE(succeeds_in_child([] { return true; }));
}

TEST(Fork, AChildExportsFencesWhateverOtherThreadsDo) {
    const auto round = [] {
        const drm::FencePtr fence = drm::Fence::create();
        const viaduct::UniqueFd file = fence->export_sync_file();
        const bool found = drm::Fence::from_sync_file(file.get()) == fence;
        fence->signal();
        return found;
    };
    const Busy busy(2, [&](int) { round(); });
    for (int i = 0; i < kChildren; ++i) ASSERT_TRUE(succeeds_in_child(round)) << "child " << i;
}

}  // namespace
}  // namespace simgpu
