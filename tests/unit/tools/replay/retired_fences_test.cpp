#include "tools/replay/retired_fences.h"

#include <gtest/gtest.h>

#include <thread>

namespace viaduct::replay {

namespace {

using std::chrono::milliseconds;

TEST(RetiredFencesTest, AreTakenOnceEach) {
    RetiredFences fences;
    EXPECT_FALSE(fences.take({1, 2, 3}, milliseconds(0)));
    fences.add({1, 2, 3});
    fences.add({1, 2, 3});
    EXPECT_FALSE(fences.take({1, 3, 3}, milliseconds(0)));
    EXPECT_TRUE(fences.take({1, 2, 3}, milliseconds(0)));
    EXPECT_TRUE(fences.take({1, 2, 3}, milliseconds(0)));
    EXPECT_FALSE(fences.take({1, 2, 3}, milliseconds(0)));
    fences.add({1, 2, 4});
    fences.clear();
    EXPECT_FALSE(fences.take({1, 2, 4}, milliseconds(0)));
}

TEST(RetiredFencesTest, AreWaitedFor) {
    RetiredFences fences;
    std::thread library([&] { fences.add({1, 0, 9}); });
    EXPECT_TRUE(fences.take({1, 0, 9}, milliseconds(60000)));
    library.join();
}

}  // namespace

}  // namespace viaduct::replay
