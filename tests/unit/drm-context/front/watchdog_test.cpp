#include "drm-context/front/watchdog.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace viaduct {
namespace {

using namespace std::chrono_literals;

class WatchdogTest : public ::testing::Test {
  protected:
    /// `seconds` looks, one a second, that find no progress.
    void pass(int seconds, std::optional<ThreadUse> use) {
        for (int i = 0; i < seconds; ++i) watchdog_.note_none(now_ += 1s, use);
    }

    Watchdog watchdog_{1s};
    Watchdog::Clock::time_point now_ = Watchdog::Clock::now();
};

TEST_F(WatchdogTest, AWorkerThatSleepsIsStuck) {
    watchdog_.note_progress(now_);
    pass(10, ThreadUse{5s, false});
    EXPECT_EQ(watchdog_.stuck(), 10s);
    watchdog_.note_progress(now_);
    EXPECT_EQ(watchdog_.stuck(), 0s);
}

TEST_F(WatchdogTest, OneThatWaitsForAProcessorIsNot) {
    watchdog_.note_progress(now_);
    pass(1000, ThreadUse{5s, true});
    EXPECT_EQ(watchdog_.stuck(), 0s);
}

TEST_F(WatchdogTest, OneThatRunsIsStuckAsLongAsItRuns) {
    watchdog_.note_progress(now_);
    pass(1, ThreadUse{5s, true});
    for (auto used = 5s; used < 15s;) {
        pass(3, ThreadUse{used, true});  // others have the processor
        pass(1, ThreadUse{used += 1s, true});
    }
    EXPECT_EQ(watchdog_.stuck(), 10s);
}

TEST_F(WatchdogTest, OneOfWhichNothingIsKnownIsJudgedByTheClock) {
    watchdog_.note_progress(now_);
    pass(10, std::nullopt);
    EXPECT_EQ(watchdog_.stuck(), 10s);
}

TEST_F(WatchdogTest, AThreadThatLooksLateProvesLittle) {
    watchdog_.note_progress(now_);
    watchdog_.note_none(now_ + 1h, ThreadUse{5s, false});
    EXPECT_EQ(watchdog_.stuck(), 1s);
}

TEST(ThreadUseTest, IsWhatTheKernelSays) {
    std::atomic<pid_t> id = 0;
    std::atomic<bool> goes_on = true;
    std::thread busy([&] {
        id = static_cast<pid_t>(::syscall(SYS_gettid));
        id.notify_one();
        while (goes_on) {
        }
        goes_on.wait(false);  // sleeps
    });
    id.wait(0);
    std::optional<ThreadUse> use;
    while ((use = thread_use(::getpid(), id)) && use->cpu_time < 20ms) std::this_thread::yield();
    ASSERT_TRUE(use);
    EXPECT_TRUE(use->runnable);
    goes_on = false;
    while ((use = thread_use(::getpid(), id)) && use->runnable) std::this_thread::yield();
    EXPECT_TRUE(use) << "it sleeps";
    goes_on = true;
    goes_on.notify_one();
    busy.join();
    EXPECT_FALSE(thread_use(::getpid(), 0));
}

}  // namespace
}  // namespace viaduct
