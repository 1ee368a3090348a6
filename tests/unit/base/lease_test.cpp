#include "base/lease.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace viaduct {
namespace {

struct Given {
    std::vector<int>* back = nullptr;
    int number = 0;

    void give_back() { back->push_back(number); }
};

class LeaseTest : public ::testing::Test {
  protected:
    Lease<Given> take(int number) { return Lease<Given>({&back_, number}); }

    std::vector<int> back_;
};

using Numbers = std::vector<int>;

TEST_F(LeaseTest, GivesBackOnceWhenItGoes) {
    {
        const auto lease = take(1);
        EXPECT_TRUE(lease);
        EXPECT_EQ(lease->number, 1);
        EXPECT_EQ(back_, Numbers{});
    }
    EXPECT_EQ(back_, Numbers{1});
}

TEST_F(LeaseTest, AnEmptyOneGivesNothingBack) {
    { const Lease<Given> lease; }
    EXPECT_EQ(back_, Numbers{});
}

TEST_F(LeaseTest, AMovedOneIsTheOthers) {
    auto first = take(1);
    {
        const auto second = std::move(first);
        EXPECT_FALSE(first);
        EXPECT_TRUE(second);
    }
    EXPECT_EQ(back_, Numbers{1});
}

TEST_F(LeaseTest, AssignmentGivesTheOldOneBackAtOnce) {
    auto first = take(1);
    auto second = take(2);
    first = std::move(second);
    EXPECT_EQ(back_, Numbers{1});
    EXPECT_EQ(first->number, 2);
    EXPECT_FALSE(second);
}

TEST_F(LeaseTest, AssignmentToItselfKeepsIt) {
    auto lease = take(1);
    auto& same = lease;
    lease = std::move(same);
    EXPECT_TRUE(lease);
    EXPECT_EQ(back_, Numbers{});
}

TEST_F(LeaseTest, ResetGivesBackAndEmpties) {
    auto lease = take(1);
    lease.reset();
    lease.reset();
    EXPECT_FALSE(lease);
    EXPECT_EQ(back_, Numbers{1});
}

}  // namespace
}  // namespace viaduct
