#include "base/flat_map.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>

namespace viaduct {
namespace {

TEST(FlatMapTest, AnEmptyOneHasNothing) {
    FlatMap<int> map;
    EXPECT_EQ(map.find(0), nullptr);
    EXPECT_EQ(map.take(0), std::nullopt);
    EXPECT_EQ(map.size(), 0u);
}

TEST(FlatMapTest, GivesAnEntryOnce) {
    FlatMap<int> map;
    map.make_room();
    map.add(7, 70);
    ASSERT_TRUE(map.find(7));
    *map.find(7) += 1;
    EXPECT_EQ(map.take(7), 71);
    EXPECT_EQ(map.take(7), std::nullopt);
}

// Entries of few keys come and go in a small table, so that each hole has others behind it.
TEST(FlatMapTest, IsWhatAMapIs) {
    std::mt19937_64 random(1);
    FlatMap<uint64_t> map;
    std::map<uint64_t, uint64_t> model;
    for (int i = 0; i < 100000; ++i) {
        const uint64_t key = random() % 64 << (random() % 2 * 32);
        const auto known = model.find(key);
        const auto way = random() % 3;
        map.make_room();
        if (known == model.end()) {
            if (way == 0)
                map.add(key, i);
            else if (way == 1)
                ASSERT_TRUE(map.try_add(key, i));
            else
                map.find_or_add(key) = i;
            model.emplace(key, i);
        } else if (way == 0) {
            ASSERT_EQ(map.take(key), known->second);
            model.erase(known);
        } else {
            ASSERT_EQ(map.try_add(key, i), nullptr);
            ASSERT_EQ(map.find_or_add(key), known->second);
            ASSERT_TRUE(map.find(key));
            ASSERT_EQ(*map.find(key), known->second);
        }
        ASSERT_EQ(map.size(), model.size());
    }
    for (const auto& [key, value] : model) ASSERT_EQ(map.take(key), value);
    EXPECT_EQ(map.size(), 0u);
}

TEST(FlatMapTest, GrowsAndShrinks) {
    FlatMap<uint64_t> map;
    for (int round = 0; round < 2; ++round) {
        for (uint64_t key = 0; key < 20000; ++key) {
            map.make_room();
            map.add(key, ~key);
        }
        for (uint64_t key = 0; key < 20000; ++key) ASSERT_EQ(map.take(key), ~key);
    }
    EXPECT_EQ(map.size(), 0u);
}

TEST(FlatMapTest, LetsValuesGo) {
    const auto value = std::make_shared<int>(1);
    FlatMap<std::shared_ptr<int>> map;
    for (uint64_t key = 0; key < 100; ++key) {
        map.make_room();
        map.add(key, value);
    }
    EXPECT_EQ(value.use_count(), 101);
    for (uint64_t key = 0; key < 50; ++key) map.take(key);
    EXPECT_EQ(value.use_count(), 51);
    map.clear();
    EXPECT_EQ(value.use_count(), 1);
}

}  // namespace
}  // namespace viaduct
