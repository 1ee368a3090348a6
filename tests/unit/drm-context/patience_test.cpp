#include "drm-context/front/patience.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

using namespace std::chrono_literals;

class PatienceTest : public ::testing::Test {
  protected:
    /// A call that is answered after `time`, or given up; what it took.
    Patience::Clock::duration call(Patience::Clock::duration time) {
        const auto start = now_;
        now_ += std::min<Patience::Clock::duration>(time, patience_.allowance(now_));
        patience_.spend(start, now_);
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

}  // namespace
}  // namespace viaduct
