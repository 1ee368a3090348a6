#include "drm-context/front/patience.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

using namespace std::chrono_literals;

class PatienceTest : public ::testing::Test {
  protected:
    /// A call that is answered after `time`, or given up; what it took.
    Patience::Clock::duration call(Patience::Clock::duration time,
                                   Patience::Cause cause = Patience::Cause::kWorker) {
        const auto start = now_;
        now_ += std::min<Patience::Clock::duration>(time, patience_.allowance(now_, cause));
        patience_.spend(start, now_, cause);
        return now_ - start;
    }
    Patience::Clock::time_point now_ = Patience::Clock::now();
    Patience patience_{1000ms};
};

TEST_F(PatienceTest, QuickAnswersCostNothing) {
    for (int i = 0; i < 100'000; ++i) ASSERT_EQ(call(4ms), 4ms);
    EXPECT_EQ(call(900ms), 900ms);
}

TEST_F(PatienceTest, OneSlowAnswerIsWaitedFor) {
    EXPECT_EQ(call(999ms), 999ms);
}

TEST_F(PatienceTest, AHangIsWaitedForOnce) {
    EXPECT_EQ(call(1h), 1000ms);
    Patience::Clock::duration total{};
    for (int i = 0; i < 1000; ++i) {
        total += call(1h);
        now_ += 1ms;  // what else the VMM does
    }
    EXPECT_LE(total / 1000, 8ms) << "per call";
}

TEST_F(PatienceTest, ComesBackWithTime) {
    call(1h);
    now_ += 2s;
    EXPECT_GE(call(1h), 400ms);
    now_ += 1h;
    EXPECT_EQ(call(1h), 1000ms) << "but never more than the deadline";
}

TEST_F(PatienceTest, WaitingForTheKernelIsNotTheWorkersFault) {
    call(1h, Patience::Cause::kKernel);
    EXPECT_EQ(call(900ms), 900ms);
}

// It shows itself outside the kernel when it is asked, and inside at the end.
TEST_F(PatienceTest, AWorkerThatChangesItsStoryIsBoundedToo) {
    Patience::Clock::duration total{};
    const auto begin = now_;
    while (now_ - begin < 100s) {
        const auto start = now_;
        now_ += patience_.allowance(now_, Patience::Cause::kWorker);
        patience_.spend(start, now_, Patience::Cause::kKernel);
        total += now_ - start;
        now_ += 100ms;  // what else the VMM does
    }
    EXPECT_LE(total, (now_ - begin) * 6 / 10 + 2s);
}

TEST_F(PatienceTest, AWorkerThatAlwaysBlamesTheKernelIsBoundedToo) {
    Patience::Clock::duration total{};
    const auto start = now_;
    while (now_ - start < 100s) {
        total += call(1h, Patience::Cause::kKernel) + call(1h, Patience::Cause::kWorker);
        now_ += 100ms;  // what else the VMM does
    }
    EXPECT_LE(total, (now_ - start) * 6 / 10 + 2s);
}

}  // namespace
}  // namespace viaduct
