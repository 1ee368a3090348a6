#include "drm-context/context/timelines.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <dirent.h>

namespace viaduct {
namespace {

using Retirements = std::vector<std::pair<RingIndex, uint64_t>>;

constexpr RingIndex kCpu{0}, kFirst{1}, kSecond{2}, kThird{3}, kLast{63};

/// A sync file stand-in: polls readable once the other end is closed.
struct Job {
    Job() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        sync_file.reset(ends[0]);
        done.reset(ends[1]);
    }
    UniqueFd sync_file, done;
};

size_t open_descriptors() {
    size_t count = 0;
    DIR* dir = ::opendir("/proc/self/fd");
    while (::readdir(dir)) ++count;
    ::closedir(dir);
    return count;
}

class TimelinesTest : public ::testing::Test {
  protected:
    Retirements take() { return std::exchange(retired_, {}); }
    Retirements take_done() { return std::exchange(done_, {}); }
    void add_fence_after(RingIndex ring, uint64_t count, UniqueFd sync_file) {
        timelines_.add_work(ring, {std::move(sync_file), 10 * count});
        add_fence(ring, count);
    }
    void add_fence(RingIndex ring, uint64_t count) {
        timelines_.add_fence(ring, count, request_before(ring, count));
    }
    /// Each fence's own.
    static uint32_t request_before(RingIndex ring, uint64_t count) {
        return 1000 * ring.value() + static_cast<uint32_t>(count);
    }

    Retirements retired_, done_;
    bool ring_idle_ = false;
    bool out_of_descriptors_ = false;
    int merges_ = 0;
    Timelines timelines_{{
        .done = [this](RingIndex ring,
                       const auto& work) { done_.emplace_back(ring, work.submissions); },
        .retired =
            [this](RingIndex ring, uint64_t count, uint32_t request) {
                EXPECT_EQ(request, request_before(ring, count));
                retired_.emplace_back(ring, count);
            },
        .merge =
            [this](int, int b) {
                ++merges_;
                return out_of_descriptors_ ? UniqueFd() : UniqueFd::duplicate_of(b);
            },
        .ring_idle = [this](RingIndex) { return ring_idle_; },
    }};
};

TEST_F(TimelinesTest, AFenceWithoutWorkRetiresAtOnce) {
    add_fence(kCpu, 1);
    add_fence(kLast, 1);
    EXPECT_EQ(take(), (Retirements{{kCpu, 1}, {kLast, 1}}));
    EXPECT_TRUE(timelines_.idle());
}

TEST_F(TimelinesTest, AFenceWithoutWorkOfItsOwnWaitsForThoseBefore) {
    Job work;
    add_fence_after(kFirst, 1, std::move(work.sync_file));
    add_fence(kFirst, 2);
    add_fence(kSecond, 1);  // another ring does not wait
    EXPECT_EQ(take(), (Retirements{{kSecond, 1}}));
    timelines_.advance();
    EXPECT_EQ(take(), Retirements{});
    work.done.reset();
    timelines_.advance();
    EXPECT_EQ(take(), (Retirements{{kFirst, 2}}));
}

TEST_F(TimelinesTest, RetiresInOrderEvenIfLaterWorkIsDoneFirst) {
    Job first, second;
    add_fence_after(kFirst, 1, std::move(first.sync_file));
    add_fence_after(kFirst, 2, std::move(second.sync_file));
    second.done.reset();
    timelines_.advance();
    EXPECT_EQ(take(), Retirements{});
    first.done.reset();
    timelines_.advance();
    EXPECT_EQ(take(), (Retirements{{kFirst, 2}}));
}

TEST_F(TimelinesTest, WorkWithoutADescriptorIsAskedFor) {
    add_fence_after(kFirst, 1, UniqueFd());
    std::vector<int> descriptors;
    EXPECT_TRUE(timelines_.append_pending(descriptors));
    EXPECT_TRUE(descriptors.empty());
    timelines_.advance();
    EXPECT_EQ(take(), Retirements{});
    ring_idle_ = true;
    timelines_.advance();
    EXPECT_EQ(take(), (Retirements{{kFirst, 1}}));
}

// A busy ring is never idle: its fences have to retire all the same.
TEST_F(TimelinesTest, WorkWithoutADescriptorIsDoneWithThatBehindIt) {
    Job next, last;
    add_fence_after(kFirst, 1, UniqueFd());
    add_fence_after(kFirst, 2, std::move(next.sync_file));
    add_fence_after(kFirst, 3, std::move(last.sync_file));
    next.done.reset();
    timelines_.advance();
    EXPECT_EQ(take(), (Retirements{{kFirst, 2}}));
}

TEST_F(TimelinesTest, AMergeThatFailsLetsNoWorkGo) {
    Job slow, newest;
    for (uint64_t i = 1; i <= 300; ++i) add_fence_after(kThird, i, slow.sync_file.duplicate());
    out_of_descriptors_ = true;
    add_fence_after(kThird, 301, std::move(newest.sync_file));
    add_fence_after(kThird, 302, UniqueFd());
    ring_idle_ = true;  // as far as a ring knows whose work has sync files
    newest.done.reset();
    timelines_.advance();
    EXPECT_EQ(take(), Retirements{});
    slow.done.reset();
    timelines_.advance();
    EXPECT_EQ(take(), (Retirements{{kThird, 302}}));
}

TEST_F(TimelinesTest, WorkIsDoneWithoutAFenceToo) {
    Job first, second;
    timelines_.add_work(kFirst, {std::move(first.sync_file), 8});
    timelines_.add_work(kFirst, {std::move(second.sync_file), 16});
    std::vector<int> descriptors;
    timelines_.append_pending(descriptors);
    EXPECT_EQ(descriptors.size(), 1u) << "nobody waits for the oldest";
    first.done.reset();
    timelines_.advance();
    EXPECT_EQ(take_done(), (Retirements{{kFirst, 8}}));
    add_fence(kFirst, 1);
    EXPECT_EQ(take(), Retirements{}) << "the newer work is not done";
    second.done.reset();
    timelines_.advance();
    EXPECT_EQ(take_done(), (Retirements{{kFirst, 16}}));
    EXPECT_EQ(take(), (Retirements{{kFirst, 1}}));
}

TEST_F(TimelinesTest, HundredThousandFencesCostFewDescriptors) {
    Job slow;
    const size_t before = open_descriptors();
    constexpr uint64_t kFences = 100000;
    for (uint64_t i = 1; i <= kFences; ++i) add_fence_after(kThird, i, slow.sync_file.duplicate());
    EXPECT_LT(open_descriptors(), before + 300);
    EXPECT_GT(merges_, 0);
    EXPECT_EQ(take(), Retirements{});
    slow.done.reset();
    timelines_.advance();
    EXPECT_EQ(take(), (Retirements{{kThird, kFences}}));
    EXPECT_LE(open_descriptors(), before - 1);  // other tests' may close meanwhile
}

TEST_F(TimelinesTest, ExportGivesTheSyncFileOfAPendingFenceOnly) {
    Job work;
    add_fence(kFirst, 1);
    add_fence_after(kFirst, 2, std::move(work.sync_file));
    add_fence(kFirst, 3);
    EXPECT_TRUE(timelines_.export_fence(kFirst, 3).valid());
    EXPECT_FALSE(timelines_.export_fence(kFirst, 4).valid());
    EXPECT_FALSE(timelines_.export_fence(kSecond, 1).valid());
}

TEST_F(TimelinesTest, AnExportedFenceWaitsForAllThatItsFenceWaitsFor) {
    Job first, second, third;
    add_fence_after(kFirst, 1, std::move(first.sync_file));
    add_fence_after(kFirst, 2, std::move(second.sync_file));
    add_fence_after(kFirst, 3, std::move(third.sync_file));
    EXPECT_TRUE(timelines_.export_fence(kFirst, 2).valid());
    EXPECT_EQ(merges_, 1) << "the first two, which may be of two GPU contexts";
}

TEST_F(TimelinesTest, RetireAllLeavesNothing) {
    Job a, b;
    add_fence_after(kFirst, 7, std::move(a.sync_file));
    add_fence_after(kSecond, 9, std::move(b.sync_file));
    timelines_.retire_all();
    EXPECT_EQ(take(), (Retirements{{kFirst, 7}, {kSecond, 9}}));
    EXPECT_TRUE(timelines_.idle());
}

}  // namespace
}  // namespace viaduct
