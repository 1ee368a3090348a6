#include "drm-context/account/loss_limit.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

using namespace std::chrono_literals;

class LossLimitTest : public ::testing::Test {
  protected:
    bool admits(uint64_t losses) { return limit_.admit(losses, now_).has_value(); }

    LossLimit limit_{60};  // one a second
    LossLimit::Clock::time_point now_ = LossLimit::Clock::time_point(100h);
};

TEST_F(LossLimitTest, ContextsThatAreNotLostAreNotLimited) {
    for (int i = 0; i < 100'000; ++i) ASSERT_TRUE(admits(0));
}

TEST_F(LossLimitTest, AMinutesWorthMayBeLostAtOnce) {
    for (uint64_t lost = 0; lost < 60; ++lost) ASSERT_TRUE(admits(lost)) << lost;
    EXPECT_FALSE(admits(60));
    EXPECT_FALSE(admits(60)) << "asking again changes nothing";
}

TEST_F(LossLimitTest, AfterThatAsManyPerMinute) {
    EXPECT_FALSE(admits(60));
    now_ += 999ms;
    EXPECT_FALSE(admits(60));
    now_ += 1ms;
    EXPECT_TRUE(admits(60));
    EXPECT_FALSE(admits(61));
    now_ += 1h;
    EXPECT_TRUE(admits(61 + 59));
    EXPECT_FALSE(admits(61 + 60));
}

TEST_F(LossLimitTest, WhatIsLostAtOnceIsNoDebt) {
    EXPECT_FALSE(admits(1'000'000));
    now_ += 1s;
    EXPECT_TRUE(admits(1'000'000));
}

TEST_F(LossLimitTest, TheMessageHasTheFigures) {
    const auto refused = limit_.admit(60, now_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ENOMEM);
    EXPECT_NE(refused.error().message.find("60 contexts; at most 60 per minute"), std::string::npos)
        << refused.error().message;
    EXPECT_NE(refused.error().message.find("1000 ms"), std::string::npos);
}

TEST(LossLimit, OfNoneIsNoLimit) {
    LossLimit none(0);
    EXPECT_TRUE(none.admit(UINT64_MAX, LossLimit::Clock::now()));
}

}  // namespace
}  // namespace viaduct
