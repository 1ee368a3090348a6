#include "guest-mesa/layer/response_area.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <random>

namespace viaduct::guest {
namespace {

TEST(ResponseAreaTest, RefusesWhatCanNeverFit) {
    ResponseArea area(64);
    EXPECT_FALSE(area.allocate(0));
    EXPECT_FALSE(area.allocate(65));
    EXPECT_FALSE(area.allocate(~0u));
    EXPECT_EQ(area.allocate(64), 0u);
    EXPECT_FALSE(area.allocate(1));
}

TEST(ResponseAreaTest, RoundsToEightBytes) {
    ResponseArea area(64);
    EXPECT_EQ(area.allocate(1), 0u);
    EXPECT_EQ(area.allocate(9), 8u);
    EXPECT_EQ(area.allocate(8), 24u);
}

TEST(ResponseAreaTest, TheSameRoomIsHandedOutAsLateAsPossible) {
    ResponseArea area(64);
    for (const uint32_t expected : {0u, 16u, 32u, 48u, 0u}) {
        ASSERT_EQ(area.allocate(16), expected);
        area.release(expected, 16);
    }
}

// In any order of answers, nothing handed out overlaps, and everything comes back.
TEST(ResponseAreaTest, NeverOverlapsAndNeverLeaks) {
    constexpr uint32_t kSize = 4096;
    std::mt19937 random(7);
    ResponseArea area(kSize);
    std::map<uint32_t, uint32_t> taken;
    for (int step = 0; step < 20000; ++step) {
        if (random() % 2) {
            const auto size = static_cast<uint32_t>(1 + random() % 400);
            const auto offset = area.allocate(size);
            if (!offset) continue;
            ASSERT_EQ(*offset % 8, 0u);
            ASSERT_LE(*offset + size, kSize);
            const auto next = taken.lower_bound(*offset);
            if (next != taken.end()) {
                ASSERT_LE(*offset + size, next->first);
            }
            if (next != taken.begin()) {
                const auto before = std::prev(next);
                ASSERT_LE(before->first + before->second, *offset);
            }
            taken[*offset] = size;
        } else if (!taken.empty()) {
            const auto victim =
                std::next(taken.begin(), static_cast<long>(random() % taken.size()));
            area.release(victim->first, victim->second);
            taken.erase(victim);
        }
    }
    for (const auto& [offset, size] : taken) area.release(offset, size);
    EXPECT_EQ(area.allocate(kSize), 0u);
}

}  // namespace
}  // namespace viaduct::guest
