// Which fences are owed, whatever ids a guest gives them.
#include "renderer/fence_relay.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace viaduct {
namespace {

constexpr uint32_t kFlags = VIRGL_RENDERER_FENCE_FLAG_MERGEABLE;

class FenceRelayTest : public ::testing::Test {
  protected:
    FenceRelayTest() { relay_.start({}, FenceDelivery::kAsync); }

    FenceRelay relay_;
};

// A table of many fences gives its memory back when the last one goes.
TEST_F(FenceRelayTest, TheLastOfManyMayHaveItsIdUsedTwice) {
    constexpr uint64_t kMany = 5000;
    for (uint64_t id = 1; id <= kMany; ++id)
        relay_.expect(ContextId(1), RingIndex(1), FenceId(id), kFlags);
    for (uint64_t id = 1; id < kMany; ++id)
        relay_.context_retired(ContextId(1), RingIndex(1), FenceId(id));
    relay_.expect(ContextId(2), RingIndex(3), FenceId(kMany), kFlags);
    const auto debt = relay_.debt(FenceId(kMany));
    ASSERT_TRUE(debt);
    EXPECT_EQ(debt->ctx_id, ContextId(2));
    EXPECT_FALSE(relay_.debt(FenceId(1)));
    relay_.expect(ContextId(1), RingIndex(1), FenceId(1), kFlags);
    EXPECT_TRUE(relay_.debt(FenceId(kMany)));
    relay_.context_retired(ContextId(2), RingIndex(3), FenceId(kMany));
    EXPECT_FALSE(relay_.debt(FenceId(kMany)));
    EXPECT_TRUE(relay_.debt(FenceId(1)));
}

// Few ids, so that many are used twice; in bursts, so that tables grow and get empty.
TEST_F(FenceRelayTest, OwesWhatAMapOwes) {
    std::mt19937_64 random(1);
    std::map<uint64_t, ContextId> model;
    for (int burst = 0; burst < 20; ++burst) {
        const bool grows = burst % 2 == 0;
        for (int i = 0; i < 6000; ++i) {
            const uint64_t id = random() % 6000;
            const ContextId context(static_cast<uint32_t>(1 + random() % 3));
            if (random() % 8 < (grows ? 7u : 1u)) {
                relay_.expect(context, RingIndex(1), FenceId(id), kFlags);
                model[id] = context;
            } else {
                relay_.cancel(FenceId(id));
                model.erase(id);
            }
        }
        while (!grows && !model.empty()) {
            relay_.cancel(FenceId(model.begin()->first));
            model.erase(model.begin());
        }
        for (uint64_t id = 0; id < 6000; ++id) {
            const auto debt = relay_.debt(FenceId(id));
            const auto known = model.find(id);
            ASSERT_EQ(debt.has_value(), known != model.end()) << id;
            if (debt) {
                ASSERT_EQ(debt->ctx_id, known->second) << id;
            }
        }
    }
}

}  // namespace
}  // namespace viaduct
