// A busy worker leaves one processor to the others, and comes back when it is calm.
#include "drm-context/worker/spare_processor.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include "base/clock.h"

namespace viaduct {
namespace {

cpu_set_t processors(std::initializer_list<int> numbers) {
    cpu_set_t set{};
    for (const int number : numbers) CPU_SET(number, &set);
    return set;
}

/// A thread whose clocks are ours.
class SpareProcessorTest : public testing::Test {
  protected:
    /// The thread runs for `ns`, looking for its manners every `step_ns`.
    void run(int64_t ns, int64_t step_ns = kBusy / 10) {
        for (int64_t done = 0; done < ns; done += step_ns) {
            now_ += step_ns;
            ran_ += step_ns;
            spare_.worked(now_);
        }
    }
    /// It could run, and gets no processor.
    void wait_to_run(int64_t ns) {
        now_ += ns;
        spare_.worked(now_);
    }
    void sleep(int64_t ns) { spare_.slept(now_ += ns); }
    bool may_use(int number) const { return CPU_ISSET(number, &allowed_); }

    static constexpr int64_t kBusy = SpareProcessor::kBusyTime;
    static constexpr int64_t kCalm = SpareProcessor::kCalmTime;

    int64_t now_ = 1'000'000'000, ran_ = 7;
    cpu_set_t allowed_ = processors({2, 3, 5});
    int changes_ = 0;
    SpareProcessor spare_{{
        .processor_time = [this] { return ran_; },
        .get =
            [this](cpu_set_t& set) {
                set = allowed_;
                return true;
            },
        .set =
            [this](const cpu_set_t& set) {
                allowed_ = set;
                ++changes_;
            },
    }};
};

TEST_F(SpareProcessorTest, WhoRunsWithoutASleepLeavesTheFirst) {
    run(3 * kBusy);
    EXPECT_FALSE(may_use(2));
    EXPECT_TRUE(may_use(3));
    EXPECT_TRUE(may_use(5));
    run(100 * kBusy);
    EXPECT_EQ(changes_, 1) << "once";
}

TEST_F(SpareProcessorTest, WhoUsesLessThanItsShareStays) {
    for (int i = 0; i < 1000; ++i) {
        run(kBusy / 2);
        sleep(SpareProcessor::kShare * kBusy / 2);
    }
    EXPECT_EQ(changes_, 0);
}

TEST_F(SpareProcessorTest, ShortWorkThatSeldomSleepsAddsUp) {
    for (int i = 0; i < 10; ++i) {
        run(kBusy / 4);
        sleep(kBusy / 4);
    }
    EXPECT_FALSE(may_use(2));
}

TEST_F(SpareProcessorTest, WaitingForAProcessorIsNotRunning) {
    for (int i = 0; i < 100; ++i) {
        wait_to_run(10 * kBusy);
        run(kBusy / 10);
        wait_to_run(10 * kBusy);
        sleep(1000);
    }
    EXPECT_EQ(changes_, 0);
}

TEST_F(SpareProcessorTest, ReturnsWhenItWasCalmForAWhile) {
    run(3 * kBusy);
    sleep(kCalm / 2);
    EXPECT_FALSE(may_use(2)) << "a nap between two bursts";
    run(kBusy / 2);
    sleep(kCalm);
    EXPECT_TRUE(may_use(2));
    EXPECT_EQ(changes_, 2);
    run(3 * kBusy);
    EXPECT_FALSE(may_use(2)) << "and leaves again";
}

// Woken by its next work only, it would queue up behind the busy ones for it.
TEST_F(SpareProcessorTest, WakesForItsReturn) {
    EXPECT_EQ(spare_.calm_at(), INT64_MAX) << "sleeps as long as it likes";
    run(3 * kBusy);
    EXPECT_GT(spare_.calm_at(), now_);
    EXPECT_LE(spare_.calm_at(), now_ + kCalm);
    sleep(spare_.calm_at() - now_);
    EXPECT_TRUE(may_use(2));
    EXPECT_EQ(spare_.calm_at(), INT64_MAX);
}

TEST_F(SpareProcessorTest, OnlyOneProcessorIsKept) {
    allowed_ = processors({3});
    run(10 * kBusy);
    EXPECT_EQ(changes_, 0);
}

TEST(SpareProcessor, IsTheKernels) {
    cpu_set_t before{};
    ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
    if (CPU_COUNT(&before) < 2) GTEST_SKIP() << "this thread may use one processor only";
    SpareProcessor spare;
    while (!spare.spares()) spare.worked(monotonic_ns());
    cpu_set_t busy{}, after{};
    ASSERT_EQ(::sched_getaffinity(0, sizeof(busy), &busy), 0);
    EXPECT_EQ(CPU_COUNT(&busy), CPU_COUNT(&before) - 1);
    spare.slept(monotonic_ns() + 2 * SpareProcessor::kCalmTime);
    ASSERT_EQ(::sched_getaffinity(0, sizeof(after), &after), 0);
    EXPECT_TRUE(CPU_EQUAL(&after, &before));
}

}  // namespace
}  // namespace viaduct
