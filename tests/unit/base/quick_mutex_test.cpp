#include "base/quick_mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <thread>
#include <vector>

namespace viaduct {
namespace {

TEST(QuickMutexTest, OneThreadAtATime) {
    constexpr int kThreads = 4, kTimes = 2000;
    QuickMutex mutex;
    int counter = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < kTimes; ++n) {
                const LockGuard lock(mutex);
                const int before = counter;
                if (n % 100 == 0) std::this_thread::yield();  // the others come to wait
                counter = before + 1;
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(counter, kThreads * kTimes);
}

TEST(QuickMutexTest, WakesAllThatWait) {
    QuickMutex mutex;
    int entered = 0;
    std::vector<std::thread> threads;
    mutex.lock();
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&] {
            const LockGuard lock(mutex);
            ++entered;
        });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // most likely they sleep by now
    EXPECT_EQ(entered, 0);
    mutex.unlock();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(entered, 3);
}

TEST(QuickMutexTest, GoesWithAConditionVariable) {
    QuickMutex mutex;
    std::condition_variable_any changed;
    bool ready = false;
    std::thread other([&] {
        const LockGuard lock(mutex);
        ready = true;
        changed.notify_all();
    });
    {
        const LockGuard lock(mutex);
        changed.wait(mutex, [&] { return ready; });
        EXPECT_TRUE(ready);
    }
    other.join();
}

}  // namespace
}  // namespace viaduct
