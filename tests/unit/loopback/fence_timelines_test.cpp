#include "tests/loopback/server/fence_timelines.h"

#include <gtest/gtest.h>

namespace viaduct::loopback {
namespace {

TEST(FenceTimelines, AReplySignalsAllEarlierOnesOfItsRing) {
    FenceTimelines fences;
    fences.add(1, {10, 0, 1, {}});
    const uint64_t second = fences.add(1, {10, 0, 2, {}});
    fences.add(1, {10, 0, 3, {}});
    fences.add(1, {10, 5, 4, {}});
    const auto events = fences.retire(1, 0, second);
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].file, 10u);
    EXPECT_EQ(events[0].token, 2u);
    EXPECT_EQ(fences.pending(), 2u);
}

TEST(FenceTimelines, TheGlobalRingIsOneForAllContexts) {
    FenceTimelines fences;
    fences.add(1, {10, kGlobalRing, 1, {}});
    const uint64_t second = fences.add(2, {20, kGlobalRing, 7, {}});
    const auto events = fences.retire(0, kGlobalRing, second);
    ASSERT_EQ(events.size(), 2u);
    EXPECT_EQ(events[0].file, 10u);
    EXPECT_EQ(events[1].token, 7u);
}

TEST(FenceTimelines, ResourcesAreBusyUntilTheirLastFence) {
    FenceTimelines fences;
    const uint64_t first = fences.add(1, {10, 0, 1, {5}});
    const uint64_t second = fences.add(2, {20, 0, 1, {5, 6}});
    fences.retire(1, 0, first);
    EXPECT_TRUE(fences.is_busy(5));
    fences.retire(2, 0, second);
    EXPECT_FALSE(fences.is_busy(5));
    EXPECT_FALSE(fences.is_busy(6));
}

TEST(FenceTimelines, LateCallbacksOfAClosedFileAreHarmless) {
    FenceTimelines fences;
    const uint64_t old = fences.add(1, {10, 0, 1, {5}});
    fences.drop_file(10);
    EXPECT_FALSE(fences.is_busy(5));
    fences.add(1, {11, 0, 1, {}});  // the context id is in use again
    EXPECT_TRUE(fences.retire(1, 0, old).empty());
    EXPECT_EQ(fences.pending(), 1u);
}

}  // namespace
}  // namespace viaduct::loopback
