#include "base/strong_id.h"

#include <gtest/gtest.h>

#include <concepts>
#include <map>
#include <unordered_set>

namespace viaduct {
namespace {

using Apple = StrongId<struct AppleTag, uint32_t>;
using Pear = StrongId<struct PearTag, uint32_t>;

static_assert(sizeof(Apple) == sizeof(uint32_t));
static_assert(std::is_trivially_copyable_v<Apple>);
// Kinds are not mixed up with one another, nor with plain numbers.
static_assert(!std::convertible_to<uint32_t, Apple>);
static_assert(!std::convertible_to<Apple, uint32_t>);
static_assert(!std::convertible_to<Pear, Apple> && !std::constructible_from<Apple, Pear>);
static_assert(!std::equality_comparable_with<Apple, Pear>);

TEST(StrongId, IsZeroUnlessMadeFromANumber) {
    EXPECT_EQ(Apple().value(), 0u);
    EXPECT_EQ(Apple(7).value(), 7u);
}

TEST(StrongId, ComparesAsItsNumber) {
    EXPECT_EQ(Apple(7), Apple(7));
    EXPECT_NE(Apple(7), Apple(8));
    EXPECT_LT(Apple(7), Apple(8));
}

TEST(StrongId, IsAKeyOfBothKindsOfTable) {
    const std::map<Apple, int> ordered{{Apple(2), 20}, {Apple(1), 10}};
    EXPECT_EQ(ordered.begin()->second, 10);
    const std::unordered_set<Apple> hashed{Apple(1), Apple(2), Apple(1)};
    EXPECT_EQ(hashed.size(), 2u);
}

TEST(StrongId, IsWrittenAsItsNumber) {
    EXPECT_EQ(fmt::format("{} {:#x}", Apple(42), Apple(255)), "42 0xff");
}

}  // namespace
}  // namespace viaduct
