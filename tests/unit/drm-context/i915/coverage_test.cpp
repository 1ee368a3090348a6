#include "drm-context/i915/coverage.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <utility>
#include <vector>

namespace viaduct::i915 {
namespace {

constexpr uint64_t kHuge = uint64_t{1} << 46;

TEST(Coverage, CountsWhatAnyRangeCovers) {
    Coverage coverage;
    EXPECT_EQ(coverage.covered(), 0u);
    coverage.add(10, 20);
    coverage.add(15, 30);
    EXPECT_EQ(coverage.covered(), 20u);
    coverage.remove(10, 20);
    EXPECT_EQ(coverage.covered(), 15u);
    coverage.remove(15, 30);
    EXPECT_EQ(coverage.covered(), 0u);
    EXPECT_EQ(coverage.entries(), 0u);
}

TEST(Coverage, OfALongRangeTakesTwoEntries) {
    Coverage coverage;
    coverage.add(1, kHuge);
    EXPECT_EQ(coverage.covered(), kHuge - 1);
    EXPECT_EQ(coverage.entries(), 2u);
    for (int i = 0; i < 1000; ++i) coverage.add(0, kHuge);
    EXPECT_EQ(coverage.covered(), kHuge);
    EXPECT_EQ(coverage.entries(), 3u);
}

TEST(Coverage, OfNeighboursIsOneRange) {
    Coverage coverage;
    for (uint64_t i = 0; i < 1000; ++i) coverage.add(i, i + 1);
    EXPECT_EQ(coverage.covered(), 1000u);
    EXPECT_EQ(coverage.entries(), 2u);
    coverage.remove(500, 501);
    EXPECT_EQ(coverage.covered(), 999u);
    EXPECT_EQ(coverage.entries(), 4u);
}

TEST(Coverage, AgreesWithACountOfEachNumber) {
    constexpr uint64_t kNumbers = 64;
    std::mt19937 random(1);
    std::array<uint32_t, kNumbers> counts{};
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    Coverage coverage;
    for (int i = 0; i < 5000; ++i) {
        if (ranges.size() < 8 || (ranges.size() < 40 && random() % 2 == 0)) {
            const uint64_t first = random() % (kNumbers - 1);
            const uint64_t end = first + 1 + random() % (kNumbers - first - 1);
            ranges.emplace_back(first, end);
            coverage.add(first, end);
            for (uint64_t n = first; n < end; ++n) ++counts[n];
        } else {
            std::swap(ranges[random() % ranges.size()], ranges.back());
            const auto [first, end] = ranges.back();
            ranges.pop_back();
            coverage.remove(first, end);
            for (uint64_t n = first; n < end; ++n) --counts[n];
        }
        uint64_t covered = 0, changes = 0;
        for (uint64_t n = 0; n < kNumbers; ++n) {
            covered += counts[n] != 0 ? 1 : 0;
            changes += counts[n] != (n == 0 ? 0 : counts[n - 1]) ? 1 : 0;
        }
        changes += counts[kNumbers - 1] != 0 ? 1 : 0;
        ASSERT_EQ(coverage.covered(), covered) << "after " << i;
        ASSERT_EQ(coverage.entries(), changes) << "after " << i;
    }
}

}  // namespace
}  // namespace viaduct::i915
