#include "drm-context/account/token_bucket.h"

#include <gtest/gtest.h>

namespace viaduct {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kBucketSecond = 1000 * kMs;

class Bucket : public testing::Test {
  protected:
    Bucket() {
        limits_.gpu_share = 25;
        limits_.gpu_burst_ns = 10 * kMs;
    }
    account::TokenBucket bucket_{};
    ContextLimits limits_;
};

TEST_F(Bucket, BeginsFull) {
    EXPECT_EQ(hold_time(bucket_, kBucketSecond, limits_), 0);
    take_tokens(bucket_, 9 * kMs, limits_);
    EXPECT_EQ(hold_time(bucket_, kBucketSecond, limits_), 0);
    take_tokens(bucket_, 2 * kMs, limits_);
    const int64_t hold = hold_time(bucket_, kBucketSecond, limits_);
    EXPECT_NEAR(static_cast<double>(hold), 4 * kMs, 10) << "a debt of 1 ms at a quarter";
    EXPECT_EQ(hold_time(bucket_, kBucketSecond + hold + 100, limits_), 0);
}

TEST_F(Bucket, GivesItsShareOverTime) {
    int64_t now = kBucketSecond, used = 0;
    for (int job = 0; job < 1000; ++job) {
        now += hold_time(bucket_, now, limits_);
        now += 5 * kMs;  // the job
        used += 5 * kMs;
        take_tokens(bucket_, 5 * kMs, limits_);
    }
    EXPECT_NEAR(static_cast<double>(used) / static_cast<double>(now - kBucketSecond), 0.25, 0.005);
}

TEST_F(Bucket, NothingIsHeldForEver) {
    take_tokens(bucket_, UINT64_MAX, limits_);
    EXPECT_LE(hold_time(bucket_, kBucketSecond, limits_), kMaxHold);
    for (const int64_t tokens : {INT64_MIN, INT64_MIN + 1, int64_t{-1}, int64_t{0}, INT64_MAX}) {
        for (const int64_t refilled : {INT64_MIN, int64_t{-1}, int64_t{0}, INT64_MAX}) {
            bucket_.tokens = tokens;
            bucket_.refilled_ns = refilled;
            const int64_t hold = hold_time(bucket_, kBucketSecond, limits_);
            EXPECT_GE(hold, 0);
            EXPECT_LE(hold, kMaxHold);
            take_tokens(bucket_, UINT64_MAX, limits_);
            EXPECT_LE(hold_time(bucket_, kBucketSecond, limits_), kMaxHold);
        }
    }
}

TEST_F(Bucket, WithoutAShareThereIsNoLimit) {
    for (const uint32_t share : {0u, 100u, 1000u}) {
        limits_.gpu_share = share;
        take_tokens(bucket_, UINT64_MAX, limits_);
        EXPECT_EQ(hold_time(bucket_, kBucketSecond, limits_), 0);
    }
}

}  // namespace
}  // namespace viaduct
