#include "drm-context/front/turn_budget.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

using namespace std::chrono_literals;

class TurnBudgetTest : public ::testing::Test {
  protected:
    bool take(uint64_t events, uint64_t cost = 1) {
        return budget_.take(events, cost, [this] { return now_; });
    }
    /// How many of `wanted` idle turns are borne.
    int64_t idle_turns(int64_t wanted) {
        int64_t borne = 0;
        while (borne < wanted && take(0)) ++borne;
        return borne;
    }
    TurnBudget budget_;
    TurnBudget::Clock::time_point now_ = TurnBudget::Clock::now();
};

TEST_F(TurnBudgetTest, BearsSoManyIdleTurnsPerSecond) {
    const int64_t first = idle_turns(1'000'000);
    EXPECT_GE(first, TurnBudget::kMost - 1);
    EXPECT_LE(first, TurnBudget::kMost + TurnBudget::kPerSecond);
    now_ += 1s;
    EXPECT_NEAR(static_cast<double>(idle_turns(1'000'000)), TurnBudget::kPerSecond, 2);
    now_ += 24h;
    EXPECT_NEAR(static_cast<double>(idle_turns(1'000'000)), TurnBudget::kMost, 2);
}

TEST_F(TurnBudgetTest, MessagesCountAsTurns) {
    EXPECT_TRUE(take(0, TurnBudget::kMost / 2));
    EXPECT_FALSE(take(0, 2 * TurnBudget::kMost));
}

// A guest detaches all its buffers: the worker's room in the ring is signalled for each.
TEST_F(TurnBudgetTest, WhatAGuestCausedMayComeInAsManyTurns) {
    constexpr int64_t kCalls = 100'000;
    EXPECT_TRUE(take(kCalls));
    EXPECT_EQ(idle_turns(2 * kCalls), 2 * kCalls);
}

}  // namespace
}  // namespace viaduct
