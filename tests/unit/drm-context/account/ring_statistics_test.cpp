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

TEST_F(Rings, FollowSubmissionsToTheirMarks) {
    rings_.describe(RingIndex(2), QueueClass::kCompute, 1);
    rings_.submitted(RingIndex(2), 1000);
    rings_.submitted(RingIndex(2), 2000);
    EXPECT_EQ(rings_.unmarked(RingIndex(2)), 2u);
    const uint64_t first = rings_.mark(RingIndex(2));
    EXPECT_EQ(rings_.mark(RingIndex(2)), first) << "no work of its own";
    EXPECT_EQ(rings_.unmarked(RingIndex(2)), 0u);
    rings_.submitted(RingIndex(2), 3000);
    const uint64_t second = rings_.mark(RingIndex(2));
    EXPECT_EQ(rings_.outstanding(RingIndex(2)), 3u);
    rings_.completed(RingIndex(2), first, 5'002'000);
    EXPECT_EQ(rings_.outstanding(RingIndex(2)), 1u);
    const account::RingCounters& shown = counters_->ring[2];
    EXPECT_EQ(shown.completed, 2u);
    EXPECT_EQ(shown.latency_ns, 2 * 5'000'000u);
    EXPECT_EQ(shown.latency[13], 2u) << "below 8192 us";
    rings_.completed(RingIndex(2), second, 6'000'000);
    EXPECT_EQ(rings_.outstanding(RingIndex(2)), 0u);
    EXPECT_EQ(rings_.class_of(RingIndex(2)), QueueClass::kCompute);
}

TEST_F(Rings, MarksWithoutEndCostNoMemoryAndLoseNothing) {
    for (uint64_t i = 1; i <= 10'000; ++i) {
        rings_.submitted(RingIndex(1), 1);
        rings_.mark(RingIndex(1));
    }
    rings_.completed(RingIndex(1), 10'000, 2);
    EXPECT_EQ(rings_.outstanding(RingIndex(1)), 0u);
}

TEST_F(Rings, NumberZeroIsOneToo) {
    rings_.describe(RingIndex(0), QueueClass::kCompute, 0);
    rings_.submitted(RingIndex(0), 1);
    EXPECT_EQ(rings_.outstanding(RingIndex(0)), 1u);
    EXPECT_EQ(counters_->ring[0].submissions, 1u);
    EXPECT_EQ(counters_->rings, 1u);
}

TEST_F(Rings, RingsThatDoNotExistAreIgnored) {
    for (const uint32_t ring : {64u, UINT32_MAX}) {
        rings_.describe(RingIndex(ring), QueueClass::kCopy, 0);
        rings_.submitted(RingIndex(ring), 1);
        rings_.mark(RingIndex(ring));
        rings_.completed(RingIndex(ring), 1, 2);
        EXPECT_EQ(rings_.outstanding(RingIndex(ring)), 0u);
        EXPECT_EQ(rings_.unmarked(RingIndex(ring)), 0u);
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
