#include "drm-context/account/ring_statistics.h"

#include <gtest/gtest.h>

#include <memory>

namespace viaduct {
namespace {

class Rings : public testing::Test {
  protected:
    std::unique_ptr<account::ContextCounters> counters_ =
        std::make_unique<account::ContextCounters>();
    RingStatistics rings_{*counters_};
};

TEST_F(Rings, FollowSubmissionsToTheirFences) {
    rings_.describe(2, QueueClass::kCompute, 1);
    rings_.submitted(2, 1000);
    rings_.submitted(2, 2000);
    rings_.fence_added(2, 7);
    rings_.fence_added(2, 8);  // no work of its own
    rings_.submitted(2, 3000);
    rings_.fence_added(2, 9);
    EXPECT_EQ(rings_.outstanding(2), 3u);
    rings_.fences_retired(2, 8, 5'002'000);
    EXPECT_EQ(rings_.outstanding(2), 1u);
    const account::RingCounters& shown = counters_->ring[1];
    EXPECT_EQ(shown.completed, 2u);
    EXPECT_EQ(shown.latency_ns, 2 * 5'000'000u);
    EXPECT_EQ(shown.latency[13], 2u) << "below 8192 us";
    rings_.fences_retired(2, 9, 6'000'000);
    EXPECT_EQ(rings_.outstanding(2), 0u);
    EXPECT_EQ(rings_.class_of(2), QueueClass::kCompute);
}

TEST_F(Rings, AnIdleRingHasNothingOutstanding) {
    rings_.submitted(1, 10);
    rings_.idle(1, 20);
    EXPECT_EQ(rings_.outstanding(1), 0u);
    rings_.fences_retired(1, 5, 30);
    EXPECT_EQ(counters_->ring[0].completed, 1u);
}

TEST_F(Rings, FencesWithoutEndCostNoMemoryAndLoseNothing) {
    for (uint64_t i = 1; i <= 10'000; ++i) {
        rings_.submitted(1, 1);
        rings_.fence_added(1, i);
    }
    rings_.fences_retired(1, 10'000, 2);
    EXPECT_EQ(rings_.outstanding(1), 0u);
}

TEST_F(Rings, RingsThatDoNotExistAreIgnored) {
    for (const uint32_t ring : {0u, 65u, UINT32_MAX}) {
        rings_.describe(ring, QueueClass::kCopy, 0);
        rings_.submitted(ring, 1);
        rings_.fence_added(ring, 1);
        rings_.fences_retired(ring, 1, 2);
        EXPECT_EQ(rings_.outstanding(ring), 0u);
    }
}

TEST(LatencyBucket, IsLogarithmic) {
    EXPECT_EQ(latency_bucket(-5), 0u);
    EXPECT_EQ(latency_bucket(999), 0u);
    EXPECT_EQ(latency_bucket(1000), 1u);
    EXPECT_EQ(latency_bucket(3000), 2u);
    EXPECT_EQ(latency_bucket(INT64_MAX), account::kLatencyBuckets - 1);
}

}  // namespace
}  // namespace viaduct
