#include "base/log_budget.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

using namespace std::chrono_literals;

class LogBudgetTest : public ::testing::Test {
  protected:
    static constexpr uint64_t kGuests = LogBudget::kMost - LogBudget::kReserve;
    /// How many of `wanted` lines there are.
    uint64_t take(uint64_t wanted) {
        uint64_t got = 0;
        for (uint64_t i = 0; i < wanted; ++i) got += budget_.take(now_).has_value();
        return got;
    }
    LogBudget budget_;
    LogBudget::Clock::time_point now_ = LogBudget::Clock::now();
};

TEST_F(LogBudgetTest, KeepsLinesForReports) {
    take(5000);
    for (uint64_t i = 0; i < LogBudget::kReserve; ++i)
        EXPECT_TRUE(budget_.take(now_, {.reports = true})) << i;
    EXPECT_FALSE(budget_.take(now_, {.reports = true}));
    now_ += 10 * LogBudget::kPerLine;
    EXPECT_EQ(take(10), 0u) << "the reserve fills first";
    EXPECT_TRUE(budget_.take(now_, {.reports = true}));
}

TEST_F(LogBudgetTest, LeavesOthersAsMuchAsOneHas) {
    for (int flood = 0; flood < 8; ++flood)
        for (uint64_t had = 0; had < 5000; ++had) budget_.take(now_, {.had = had});
    EXPECT_TRUE(budget_.take(now_)) << "the next one is heard";
}

TEST_F(LogBudgetTest, IsUsedUpAndFillsSlowly) {
    EXPECT_EQ(take(5000), kGuests);
    now_ += LogBudget::kPerLine - 1ms;
    EXPECT_EQ(take(10), 0u);
    now_ += 1ms;
    EXPECT_EQ(take(10), 1u);
    now_ += 10 * LogBudget::kPerLine + 1s;
    EXPECT_EQ(take(100), 10u);
    now_ += LogBudget::kPerLine - 1s;
    EXPECT_EQ(take(100), 1u) << "no time is lost";
}

TEST_F(LogBudgetTest, IsNeverMoreThanFull) {
    EXPECT_EQ(take(1), 1u);
    now_ += 10 * 24h;
    EXPECT_EQ(take(5000), kGuests);
}

TEST_F(LogBudgetTest, SaysHowManyWereRefused) {
    EXPECT_EQ(budget_.take(now_), 0u);
    EXPECT_EQ(take(kGuests + 6), kGuests - 1);
    now_ += 2 * LogBudget::kPerLine;
    EXPECT_EQ(budget_.take(now_), 7u);
    EXPECT_EQ(budget_.take(now_), 0u);
}

}  // namespace
}  // namespace viaduct
