#include "guest-mesa/layer/receipts.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

namespace viaduct::guest {
namespace {

class ReceiptsTest : public ::testing::Test {
  protected:
    void answer(uint32_t slot, int32_t ret) {
        std::memcpy(reinterpret_cast<std::byte*>(area.data()) + slot + 4, &ret, sizeof(ret));
    }
    std::vector<Outcome> collect(uint32_t published) {
        std::vector<Outcome> outcomes;
        receipts.collect(published, outcomes);
        return outcomes;
    }

    std::array<uint64_t, Receipts::kBytes / 8> area{};
    Receipts receipts{reinterpret_cast<std::byte*>(area.data())};
};

TEST_F(ReceiptsTest, OnlyFailuresOfWhatHasRunAreReported) {
    const uint32_t first = receipts.take(1, {11, {}});
    const uint32_t second = receipts.take(2, {22, {std::byte{7}}});
    answer(first, 0);
    answer(second, -ENOMEM);
    EXPECT_TRUE(collect(0).empty());
    EXPECT_TRUE(collect(1).empty());
    const auto failed = collect(2);
    ASSERT_EQ(failed.size(), 1u);
    EXPECT_EQ(failed[0].receipt.owner, 22u);
    EXPECT_EQ(failed[0].receipt.request, std::vector{std::byte{7}});
    EXPECT_EQ(failed[0].error, -ENOMEM);
    EXPECT_TRUE(collect(2).empty()) << "once";
}

TEST_F(ReceiptsTest, SlotsAreUsedInTurnAndFreshEachTime) {
    for (uint32_t seqno = 1; seqno <= Receipts::kSlots; ++seqno) {
        EXPECT_FALSE(receipts.full());
        answer(receipts.take(seqno, {}), -EINVAL);
    }
    EXPECT_TRUE(receipts.full());
    EXPECT_EQ(collect(1).size(), 1u);
    EXPECT_EQ(receipts.take(Receipts::kSlots + 1, {}), 0u);
    EXPECT_EQ(collect(Receipts::kSlots + 1).size(), Receipts::kSlots - 1) << "no answer, no error";
}

TEST_F(ReceiptsTest, WhatWasNotSentLeavesNothing) {
    const uint32_t slot = receipts.take(5, {});
    answer(slot, -EINVAL);
    receipts.take_back();
    EXPECT_EQ(receipts.take(5, {}), slot);
    EXPECT_TRUE(collect(5).empty());
}

TEST_F(ReceiptsTest, WhatMayUndoAFailureIsReportedBehindIt) {
    constexpr bool kMayUndo = true;
    const int32_t answers[] = {0, -ENOMEM, 0, 0};
    for (uint32_t i = 0; i < 4; ++i)
        answer(receipts.take(i + 1, {i + 1, {}, i != 2 ? kMayUndo : false}), answers[i]);
    const auto outcomes = collect(4);
    ASSERT_EQ(outcomes.size(), 2u);
    EXPECT_EQ(outcomes[0].receipt.owner, 2u);
    EXPECT_EQ(outcomes[1].receipt.owner, 4u);
    EXPECT_EQ(outcomes[1].error, 0);
}

TEST_F(ReceiptsTest, NumbersMayWrap) {
    answer(receipts.take(0xffffffff, {1, {}}), -EINVAL);
    answer(receipts.take(0, {2, {}}), -EINVAL);
    EXPECT_EQ(collect(0xffffffff).size(), 1u);
    EXPECT_EQ(collect(0).size(), 1u);
}

}  // namespace
}  // namespace viaduct::guest
