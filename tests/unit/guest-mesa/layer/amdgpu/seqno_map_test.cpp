#include "guest-mesa/layer/amdgpu/seqno_map.h"

#include <gtest/gtest.h>

#include <random>

namespace viaduct::guest::amdgpu {
namespace {

TEST(SeqnoMapTest, CountsFromOne) {
    SeqnoMap map;
    EXPECT_EQ(map.last(), 0u);
    EXPECT_FALSE(map.find(0));
    EXPECT_FALSE(map.find(1));
    map.append(5);
    EXPECT_EQ(map.last(), 1u);
    EXPECT_EQ(map.find(1), 5u);
    EXPECT_FALSE(map.find(2));
}

TEST(SeqnoMapTest, OneContextAloneIsOneRun) {
    SeqnoMap map;
    for (uint64_t point = 1; point <= 1000; ++point) map.append(point);
    EXPECT_EQ(map.runs(), 1u);
    EXPECT_EQ(map.find(777), 777u);
}

TEST(SeqnoMapTest, TwoContextsInTurnKeepTheirOwnNumbers) {
    std::mt19937 random(3);
    SeqnoMap maps[2];
    std::vector<uint64_t> points[2];
    for (uint64_t point = 1; point <= 500; ++point) {
        const size_t which = random() % 2;
        maps[which].append(point);
        points[which].push_back(point);
    }
    for (size_t which : {0, 1})
        for (size_t i = 0; i < points[which].size(); ++i)
            ASSERT_EQ(maps[which].find(i + 1), points[which][i]);
}

TEST(SeqnoMapTest, ForgetsOnlyWhatIsComplete) {
    SeqnoMap map;
    for (uint64_t point : {1, 3, 5, 6, 9}) map.append(point);
    map.forget_until(5);
    EXPECT_FALSE(map.find(1));
    EXPECT_FALSE(map.find(2));
    EXPECT_EQ(map.find(3), 5u);  // the run 5, 6 is not over
    EXPECT_EQ(map.find(5), 9u);
    EXPECT_EQ(map.last(), 5u);
}

}  // namespace
}  // namespace viaduct::guest::amdgpu
