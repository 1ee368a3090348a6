#include "drm-context/front/fence_queue.h"

#include <gtest/gtest.h>

#include <memory>

namespace viaduct {
namespace {

using Ids = std::vector<FenceId>;

class FenceQueueTest : public ::testing::Test {
  protected:
    Ids take() {
        std::vector<RetiredFence> out;
        queue_.take_retired(*page_, out);
        Ids ids;
        for (const RetiredFence& fence : out) ids.push_back(fence.fence_id);
        return ids;
    }
    FenceQueue queue_;
    std::unique_ptr<transport::SharedPage> page_ = std::make_unique<transport::SharedPage>();
};

TEST_F(FenceQueueTest, CountsPerRing) {
    EXPECT_EQ(queue_.add(RingIndex(1), FenceId(100)).count, 1u);
    EXPECT_EQ(queue_.add(RingIndex(2), FenceId(101)).count, 1u);
    EXPECT_EQ(queue_.add(RingIndex(1), FenceId(102)).count, 2u);
    page_->retired[1].store(1);
    EXPECT_EQ(take(), Ids{FenceId(100)});
    page_->retired[1].store(2);
    page_->retired[2].store(1);
    EXPECT_EQ(take(), (Ids{FenceId(102), FenceId(101)}));
    EXPECT_TRUE(queue_.empty());
}

TEST_F(FenceQueueTest, AWorkerRetiresNothingThatWasNotCreated) {
    page_->retired[3].store(UINT64_MAX);
    EXPECT_TRUE(take().empty());
    queue_.add(RingIndex(3), FenceId(7));
    EXPECT_EQ(take(), Ids{FenceId(7)});
}

TEST_F(FenceQueueTest, RingsBeyondTheProtocolKeepTheirName) {
    const auto place = queue_.add(RingIndex(0xffffffff), FenceId(5));
    EXPECT_LT(place.ring.value(), transport::kFenceRings);
    page_->retired[place.ring.value()].store(place.count);
    std::vector<RetiredFence> out;
    queue_.take_retired(*page_, out);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out[0].ring_idx, RingIndex(0xffffffff));
}

TEST_F(FenceQueueTest, FindsWhatIsPending) {
    queue_.add(RingIndex(4), FenceId(9));
    ASSERT_TRUE(queue_.find(FenceId(9)).has_value());
    EXPECT_EQ(queue_.find(FenceId(9))->ring, RingIndex(4));
    page_->retired[4].store(1);
    take();
    EXPECT_FALSE(queue_.find(FenceId(9)).has_value());
}

TEST_F(FenceQueueTest, TakeAllEmptiesEveryRing) {
    queue_.add(RingIndex(0), FenceId(1));
    queue_.add(RingIndex(5), FenceId(2));
    std::vector<RetiredFence> out;
    queue_.take_all(out);
    EXPECT_EQ(out.size(), 2u);
    EXPECT_TRUE(queue_.empty());
}

}  // namespace
}  // namespace viaduct
