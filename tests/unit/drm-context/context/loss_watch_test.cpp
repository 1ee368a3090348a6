#include "drm-context/context/loss_watch.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "drm-context/transport/control_memory.h"
#include "wire/ccmd.h"

namespace viaduct {
namespace {

using Finding = LossWatch::Finding;

constexpr uint32_t kHead = 16 + sizeof(wire::GuestRing) + sizeof(wire::FinishedWork);
constexpr uint32_t kField = 8, kBytes = 4096;

/// A guest whose control buffer has a field of one kind or the other.
class Losses : public ::testing::TestWithParam<LossField::Kind> {
  protected:
    Losses() {
        const UniqueFd memory = transport::create_control_memory(kBytes, kHead).value();
        EXPECT_TRUE(control_.adopt(memory, kHead));
        shown_ = Mapping::map_shared(memory.get(), 0, kBytes).value();
    }
    uint64_t shown() const {
        uint64_t value;
        std::memcpy(&value, shown_.data() + kField, sizeof(value));
        return value;
    }

    ControlBuffer control_;
    Mapping shown_;
    const LossField field_{GetParam(), kField};
    LossReport report_{control_, field_};
    std::unique_ptr<account::ContextCounters> counters_ =
        std::make_unique<account::ContextCounters>();
    const std::string name_ = "test";
    LossWatch watch_{report_, *counters_, name_};
};

TEST_P(Losses, AreCountedOnceEach) {
    for (const uint32_t id : {3u, 5u}) watch_.created(id);
    for (int i = 0; i < 3; ++i)
        for (const uint32_t id : {3u, 5u}) watch_.found(id, Finding::kGuilty);
    EXPECT_TRUE(watch_.is_lost(3));
    EXPECT_EQ(counters_->resets, 2u);
    EXPECT_EQ(shown(), GetParam() == LossField::Kind::kCounter32 ? 2u
                       : GetParam() == LossField::Kind::kMask64  ? 0b101000u
                                                                 : 0u);
}

TEST_P(Losses, OfOthersCostNothing) {
    watch_.created(3);
    for (int i = 0; i < 3; ++i) watch_.found(3, Finding::kOthersReset);
    watch_.found(3, Finding::kWell);
    EXPECT_FALSE(watch_.is_lost(3));
    EXPECT_EQ(counters_->other_resets, 1u);
    EXPECT_EQ(counters_->resets, 0u);
    EXPECT_EQ(shown(), 0u);
}

TEST_P(Losses, OfWhatDoesNotExistAreIgnored) {
    watch_.found(3, Finding::kLost);
    EXPECT_FALSE(watch_.is_lost(3));
    EXPECT_FALSE(watch_.destroyed(3));
    EXPECT_EQ(counters_->resets, 0u);
    EXPECT_EQ(shown(), 0u);
}

TEST_P(Losses, AreLookedForInWhatIsNotLostYet) {
    for (const uint32_t id : {1u, 2u}) watch_.created(id);
    watch_.found(1, Finding::kLost);
    std::vector<uint32_t> looked_at;
    watch_.check([&](uint32_t id) {
        looked_at.push_back(id);
        return Finding::kLost;
    });
    EXPECT_EQ(looked_at, std::vector{2u});
    EXPECT_TRUE(watch_.is_lost(2));
}

// The kernel gives the number away again.
TEST_P(Losses, EndWithTheirGpuContext) {
    watch_.created(3);
    watch_.found(3, Finding::kLost);
    EXPECT_TRUE(watch_.destroyed(3));
    EXPECT_EQ(shown(), GetParam() == LossField::Kind::kCounter32 ? 1u : 0u);
    watch_.created(3);
    EXPECT_FALSE(watch_.is_lost(3));
}

TEST_P(Losses, BeyondTheMaskHaveNoBit) {
    for (const uint32_t id : {64u, UINT32_MAX}) {
        watch_.created(id);
        watch_.found(id, Finding::kLost);
    }
    EXPECT_EQ(counters_->resets, 2u);
    EXPECT_EQ(shown(), GetParam() == LossField::Kind::kCounter32 ? 2u : 0u);
}

constexpr const char* kNames[] = {"None", "Counter32", "Mask64"};

INSTANTIATE_TEST_SUITE_P(, Losses,
                         ::testing::Values(LossField::Kind::kNone, LossField::Kind::kCounter32,
                                           LossField::Kind::kMask64),
                         [](const auto& info) {
                             return std::string(kNames[static_cast<size_t>(info.param)]);
                         });

}  // namespace
}  // namespace viaduct
