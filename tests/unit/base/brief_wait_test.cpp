#include "base/brief_wait.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

/// A host that answers after `answer_after` looks, each of which takes `look_ns`.
class BriefWaitTest : public ::testing::Test {
  protected:
    bool wait(int answer_after, int64_t look_ns = 1000) {
        looks_ = 0;
        return wait_.wait(
            [&] {
                now_ += look_ns;
                return ++looks_ > answer_after;
            },
            [&] { return now_; });
    }
    /// How many are left out before the next that is tried.
    int left_out() {
        int count = 0;
        while (!wait_.is_promising()) ++count;
        return count;
    }

    BriefWait wait_;
    int64_t now_ = 5;
    int looks_ = 0;
};

TEST_F(BriefWaitTest, EndsWithTheAnswer) {
    EXPECT_TRUE(wait(0));
    EXPECT_EQ(looks_, 1);
    EXPECT_TRUE(wait(50));
    EXPECT_EQ(looks_, 51);
    EXPECT_EQ(left_out(), 0);
}

TEST_F(BriefWaitTest, EndsInTime) {
    EXPECT_FALSE(wait(1'000'000));
    EXPECT_EQ(looks_, BriefWait::kLongest / 1000);
}

TEST_F(BriefWaitTest, SlowLooksAreFew) {
    EXPECT_FALSE(wait(1'000'000, 20 * BriefWait::kLongest));
    EXPECT_EQ(looks_, 1);
    EXPECT_TRUE(wait(0, 20 * BriefWait::kLongest)) << "an answer is one";
}

TEST_F(BriefWaitTest, IsLeftOutMoreOftenWhereItIsInVain) {
    for (const int expected : {1, 3, 7, 15, 31, 63, 127, 255, 255}) {
        EXPECT_FALSE(wait(1'000'000));
        EXPECT_EQ(left_out(), expected);
    }
    EXPECT_TRUE(wait(0));
    EXPECT_EQ(left_out(), 0);
    EXPECT_FALSE(wait(1'000'000));
    EXPECT_EQ(left_out(), 1) << "from the start again";
}

}  // namespace
}  // namespace viaduct
