#include "renderer/known_to.h"

#include <gtest/gtest.h>

#include <vector>

#include "renderer/context.h"

namespace viaduct {
namespace {

TEST(KnownTo, HoldsEachContextOnce) {
    const auto one = std::make_shared<Context>();
    const auto two = std::make_shared<Context>();
    KnownTo known_to;
    known_to.add(one);
    EXPECT_TRUE(known_to.contains(one));
    EXPECT_FALSE(known_to.contains(two));
    known_to.add(two);
    known_to.remove(one);
    EXPECT_FALSE(known_to.contains(one));
    std::vector<const Context*> seen;
    known_to.for_each([&seen](const Context& context) { seen.push_back(&context); });
    EXPECT_EQ(seen, std::vector<const Context*>{two.get()});
}

// A compositor's buffer may be attached to every short-lived program.
TEST(KnownTo, ContextsThatHaveEndedDoNotPileUp) {
    KnownTo known_to;
    const auto creator = std::make_shared<Context>();
    known_to.add(creator);
    for (int i = 0; i < 6000; ++i) known_to.add(std::make_shared<Context>());
    EXPECT_LE(known_to.size(), 2u);
    EXPECT_TRUE(known_to.contains(creator));
    known_to.for_each([&](const Context& context) { EXPECT_EQ(&context, creator.get()); });
}

}  // namespace
}  // namespace viaduct
